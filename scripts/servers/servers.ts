/**
 * The servers that tests and benchmarks run against: how each is named, found, recognised and fetched.
 * A plain table; who acts on it is obtain.ts (where is one?) and run.ts (start it).
 */
export type ServerName = 'mysql' | 'mariadb' | 'redis';

export type ServerKind = {
  /** A server that runs already is named by this variable of the environment, as a URL. */
  readonly variable: string;
  readonly binaries: readonly string[];
  readonly minimumVersion: string;
  /** Debian packages whose closure holds the binary. */
  readonly packages: readonly string[];
  /** Debian suites to fetch from, best first; null stands for the suite that the machine itself runs. */
  readonly suites: readonly (string | null)[];
};

export const servers: { readonly [name in ServerName]: ServerKind } = {
  mysql: {
    variable: 'TERCET_TEST_MYSQL_URL',
    binaries: ['mysqld'],
    minimumVersion: '8.4',
    packages: ['mysql-server-core'],
    // Debian's stable releases carry MariaDB in the place of MySQL, so the moving suites come first.
    suites: ['sid', 'testing', null],
  },
  mariadb: {
    variable: 'TERCET_TEST_MARIADB_URL',
    // Before 10.5 the name was mysqld; some systems keep it as a link.
    binaries: ['mariadbd', 'mysqld'],
    minimumVersion: '10.11',
    packages: ['mariadb-server-core'],
    // 10.11, the oldest that is supported here, is the release of Debian 12.
    suites: ['bookworm', null, 'sid'],
  },
  redis: {
    variable: 'TERCET_TEST_REDIS_URL',
    binaries: ['redis-server'],
    minimumVersion: '6.2',
    packages: ['redis-server'],
    suites: ['sid', 'testing', null],
  },
};

export const serverNames = Object.keys(servers) as readonly ServerName[];

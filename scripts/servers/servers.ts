/**
 * The servers that tests and benchmarks run against: how each is named, found, recognised and fetched.
 * A plain table; who acts on it is obtain.ts (where is one?) and run.ts (start it).
 */
export type ServerName = 'mysql' | 'mariadb' | 'redis' | 'postgres' | 'prometheus';

export type ServerKind = {
  /**
   * A server that runs already is named by this variable of the environment, as a URL. Absent where each use needs a
   * configuration of its own: such a server is never shared.
   */
  readonly variable?: string;
  readonly binaries: readonly string[];
  /** A program that must stand next to the binary: one that makes its folder, or one that tests also run. */
  readonly companion?: string;
  /** It must be run as another user then; see unprivileged.ts. */
  readonly refusesRoot?: true;
  /** Where Debian keeps a folder for each major version, with its programs in `bin`. */
  readonly versionsFolder?: string;
  readonly minimumVersion: string;
  /** Debian packages whose closure holds the binary. */
  readonly packages: readonly string[];
  /** Debian suites to fetch from, best first; null stands for the suite that the machine itself runs. */
  readonly suites: readonly (string | null)[];
  /** What the URL of a server that was started here begins with, its account included. */
  readonly urlStart: string;
  /** Where a URL without a port leads. */
  readonly defaultPort: number;
  /** Ends it at once, and loses what was not durable. */
  readonly crashSignal: 'SIGKILL' | 'SIGQUIT';
  /** Ends it in order, without waiting for its clients to leave. */
  readonly shutdownSignal: 'SIGTERM' | 'SIGINT';
};

const usualSignals = { crashSignal: 'SIGKILL', shutdownSignal: 'SIGTERM' } as const;

export const servers: { readonly [name in ServerName]: ServerKind } = {
  mysql: {
    variable: 'TERCET_TEST_MYSQL_URL',
    binaries: ['mysqld'],
    minimumVersion: '8.4',
    packages: ['mysql-server-core'],
    // Debian's stable releases carry MariaDB in the place of MySQL, so the moving suites come first.
    suites: ['sid', 'testing', null],
    urlStart: 'mysql://root@',
    defaultPort: 3306,
    ...usualSignals,
  },
  mariadb: {
    variable: 'TERCET_TEST_MARIADB_URL',
    // Before 10.5 the name was mysqld; some systems keep it as a link.
    binaries: ['mariadbd', 'mysqld'],
    minimumVersion: '10.11',
    packages: ['mariadb-server-core'],
    // 10.11, the oldest that is supported here, is the release of Debian 12.
    suites: ['bookworm', null, 'sid'],
    urlStart: 'mysql://root@',
    defaultPort: 3306,
    ...usualSignals,
  },
  redis: {
    variable: 'TERCET_TEST_REDIS_URL',
    binaries: ['redis-server'],
    minimumVersion: '6.2',
    packages: ['redis-server'],
    suites: ['sid', 'testing', null],
    urlStart: 'redis://',
    defaultPort: 6379,
    ...usualSignals,
  },
  postgres: {
    variable: 'TERCET_TEST_POSTGRES_URL',
    binaries: ['postgres'],
    companion: 'initdb',
    refusesRoot: true,
    versionsFolder: 'usr/lib/postgresql',
    minimumVersion: '15',
    // It stands for the one major version that a suite carries.
    packages: ['postgresql'],
    // 15, the oldest that is supported here, is the release of Debian 12.
    suites: ['bookworm', null, 'sid'],
    urlStart: 'postgres://postgres@',
    defaultPort: 5432,
    // It is a family of processes that share memory. SIGKILL ends only the first, and leaves shared memory that nobody
    // frees; SIGQUIT makes it abort all of them, and the next start recovers as from a crash.
    crashSignal: 'SIGQUIT',
    // At SIGTERM it waits until every client has left.
    shutdownSignal: 'SIGINT',
  },
  prometheus: {
    binaries: ['prometheus'],
    companion: 'promtool',
    minimumVersion: '2.42',
    packages: ['prometheus'],
    // 2.42 is the release of Debian 12.
    suites: ['bookworm', null, 'sid'],
    urlStart: 'http://',
    defaultPort: 9090,
    ...usualSignals,
  },
};

export const serverNames = Object.keys(servers) as readonly ServerName[];

/** Those that one run of the tests starts once, for all of its test files. */
export const sharedServerNames: readonly ServerName[] = serverNames.filter(
  (name) => servers[name].variable !== undefined,
);

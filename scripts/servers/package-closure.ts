/** Which packages a server needs in order to run, out of what apt says it needs in order to be installed. */

/**
 * @param dependencyText what `apt-cache depends --recurse` prints
 * @returns the roots and everything they load, without what only maintainer scripts call
 */
export function packageClosure(dependencyText: string, roots: readonly string[]): string[] {
  const dependencies = parseDependencies(dependencyText);
  const reached = new Set<string>();
  const waiting = [...roots];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (reached.has(name) || isForInstallingOnly(name) || !dependencies.has(name)) continue;
    reached.add(name);
    waiting.push(...(dependencies.get(name) ?? []));
  }
  return [...reached].sort();
}

/** `<virtual>` names are not packages; the packages that provide one stand indented below it, the first will do. */
function parseDependencies(text: string): Map<string, string[]> {
  const dependencies = new Map<string, string[]>();
  let current: string[] = [];
  let afterVirtual = false;
  for (const line of text.split('\n')) {
    const dependency = /^[ |]+(?:Pre)?Depends: (\S+)/.exec(line)?.[1];
    if (/^\w/.test(line)) {
      current = [];
      dependencies.set(line.trim(), current);
    } else if (dependency !== undefined) {
      afterVirtual = dependency.startsWith('<');
      if (!afterVirtual) current.push(dependency);
    } else if (afterVirtual && line.startsWith('    ')) {
      current.push(line.trim());
      afterVirtual = false;
    }
  }
  return dependencies;
}

// Nothing is installed, so no script runs: neither these nor what only they need is fetched. Nor are the scripts of web
// pages (libjs-), which no test opens.
const isForInstallingOnly = (name: string): boolean =>
  /^(?:c?debconf|perl|libperl|dpkg|adduser|passwd|base-|login|systemd|init-system|sysv|lsb-|tar$|coreutils|psmisc|procps|lsof|iproute2|rsync|socat|gawk|mawk|libdbi|libdbd|postgresql-(?:client|common)|ssl-cert|locales|tzdata|ucf|libjs-)/.test(
    name,
  );

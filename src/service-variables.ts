/**
 * The variables that Kubernetes injects into each container for each Service of its namespace. For a Service named
 * `tercet` or `tercet-redis` they share the prefix of the settings: `TERCET_PORT=tcp://10.0.0.1:8080` is no port to listen on.
 *
 * A Service is recognised by the pair that is always there, `…_SERVICE_HOST` with an IP address and `…_SERVICE_PORT` with a
 * number. A misspelt setting is therefore still found.
 *
 * Source: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
import { isIP } from 'node:net';

export type Environment = Readonly<Record<string, string | undefined>>;

const HOST_OF_SERVICE = /^(TERCET(?:_[A-Z0-9_]+)?)_SERVICE_HOST$/;
/** After the name of the Service. Its own `_PORT` differs from a setting by its value. */
const OF_SERVICE =
  /^_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;
const PORT_URL = /^(?:tcp|udp|sctp):\/\//;

/** @returns the names of the variables that Kubernetes injected, sorted */
export function serviceVariablesIn(environment: Environment): readonly string[] {
  const services = Object.keys(environment).flatMap((variable) => serviceOf(variable, environment) ?? []);
  const isInjected = (variable: string) =>
    services.some((service) => variable.startsWith(service) && belongs(variable, service, environment));
  return Object.keys(environment).filter(isInjected).sort();
}

function serviceOf(variable: string, environment: Environment): string | null {
  const service = HOST_OF_SERVICE.exec(variable)?.[1];
  if (service === undefined) return null;
  const hasPort = /^\d+$/.test(environment[`${service}_SERVICE_PORT`] ?? '');
  return hasPort && isIP(environment[variable] ?? '') !== 0 ? service : null;
}

function belongs(variable: string, service: string, environment: Environment): boolean {
  const rest = variable.slice(service.length);
  return rest === '_PORT' ? PORT_URL.test(environment[variable] ?? '') : OF_SERVICE.test(rest);
}

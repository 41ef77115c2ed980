// The variables that Kubernetes injects for Services named like the settings: ignored, and nothing else is.
import { expect, test } from '@jest/globals';
import { readSettings, type UnusableSettings } from '../src/environment.ts';
import { serviceVariablesIn } from '../src/service-variables.ts';

/** As the kubelet injects them for a Service with one port, named `http`. */
const injectedFor = (service: string, host = '10.96.0.17', port = 8080): Record<string, string> => ({
  [`${service}_SERVICE_HOST`]: host,
  [`${service}_SERVICE_PORT`]: String(port),
  [`${service}_SERVICE_PORT_HTTP`]: String(port),
  [`${service}_PORT`]: `tcp://${host}:${port}`,
  [`${service}_PORT_${port}_TCP`]: `tcp://${host}:${port}`,
  [`${service}_PORT_${port}_TCP_PROTO`]: 'tcp',
  [`${service}_PORT_${port}_TCP_PORT`]: String(port),
  [`${service}_PORT_${port}_TCP_ADDR`]: host,
});

const faultsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    readSettings(environment);
    return [];
  } catch (error) {
    return (error as UnusableSettings).faults;
  }
};

test.each([
  ['tercet', injectedFor('TERCET')],
  ['tercet on IPv6', injectedFor('TERCET', 'fd00::17')],
  ['tercet-redis', injectedFor('TERCET_REDIS', '10.96.0.18', 6379)],
  ['tercet-mysql', injectedFor('TERCET_MYSQL', '10.96.0.19', 3306)],
])('all variables of a Service named %s are ignored', (_service, injected) => {
  expect(serviceVariablesIn(injected)).toEqual(Object.keys(injected).sort());
  expect(readSettings(injected)).toEqual(readSettings({}));
});

test('a port that is set stays a setting next to the variables of a Service', () => {
  const environment = { ...injectedFor('TERCET'), TERCET_PORT: '9000' };
  expect(readSettings(environment).port).toBe(9000);
  expect(serviceVariablesIn(environment)).not.toContain('TERCET_PORT');
});

test.each([
  ['a port that is a URL without a Service', { TERCET_PORT: 'tcp://10.96.0.17:8080' }, ['TERCET_PORT']],
  ['a host of a Service without its port', { TERCET_SERVICE_HOST: '10.96.0.17' }, ['TERCET_SERVICE_HOST']],
  [
    'a host that is no address',
    { TERCET_SERVICE_HOST: 'tercet', TERCET_SERVICE_PORT: '80' },
    ['TERCET_SERVICE_HOST', 'TERCET_SERVICE_PORT'],
  ],
  [
    'a misspelt setting next to a Service',
    { ...injectedFor('TERCET'), TERCET_PROT: '80', TERCET_SERVICE: 'x' },
    ['TERCET_PROT', 'TERCET_SERVICE'],
  ],
])('%s is a fault', (_what, environment, variables) => {
  expect(faultsOf(environment).map((fault) => fault.split(' ', 1)[0])).toEqual(variables);
});

// Run by Jest in each of its workers, before a test file: a worker whose runner was killed, even by kill -9, ends too.
// A test that computes for long has to let timers in now and then for this to work.
const runner = process.ppid;
const LOOK_EVERY_MS = 500;

setInterval(() => {
  try {
    process.kill(runner, 0);
  } catch {
    process.kill(process.pid, 'SIGKILL');
  }
}, LOOK_EVERY_MS).unref();

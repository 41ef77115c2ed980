/** The suites that `npm run test:deep` runs and `npm test` leaves out: they take long, or need tools that are large to fetch or build. */
export const deepFolders = ['test/system/upgrade', 'test/helm', 'test/image', 'test/compose'];

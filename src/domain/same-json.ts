/** Whether two texts of JSON have the same value: the order of members and white space mean nothing. */
export const isSameJson = (one: string | null, other: string | null): boolean =>
  one === other ||
  (one !== null && other !== null && JSON.stringify(sorted(one)) === JSON.stringify(sorted(other)));

/** Members that are named like numbers come first in any object, so that order is the same, too. */
const sorted = (text: string): unknown =>
  JSON.parse(text, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );

/**
 * How many times the payload's quantity a check takes from the stock at most, held at once and confirmed together. A test
 * measures it. How many branches stay confirmed is up to chance: of a confirm and a cancel at once, either may win.
 */
export const STOCK_NEEDED = 10;

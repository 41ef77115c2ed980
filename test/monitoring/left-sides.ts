/** What the comparisons of an alert's expression compare, in the notation in which Prometheus returns expressions. */

/** An operand without a comparison, such as `absent(…)`, has none. */
export function leftSides(expression: string): readonly string[] {
  return operands(expression, / (?:and|or|unless) /y).flatMap((operand) => {
    const inner = withoutParentheses(operand);
    if (inner !== operand) return leftSides(inner);
    const [left = '', right] = operands(operand, / (?:==|!=|>=|<=|>|<) /y);
    return right === undefined ? [] : [left];
  });
}

/** Split at the operators that stand in no parentheses and in no text. */
function operands(expression: string, operator: RegExp): readonly string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  let isText = false;
  for (let at = 0; at < expression.length; at += 1) {
    const sign = expression[at] ?? '';
    if (sign === '"' && expression[at - 1] !== '\\') isText = !isText;
    if (isText) continue;
    if ('([{'.includes(sign)) depth += 1;
    if (')]}'.includes(sign)) depth -= 1;
    operator.lastIndex = at;
    if (depth > 0 || !operator.test(expression)) continue;
    found.push(expression.slice(start, at));
    start = operator.lastIndex;
    at = start - 1;
  }
  return [...found, expression.slice(start)].map((operand) => operand.trim());
}

/** Unless the first and the last parenthesis are not of one pair. */
function withoutParentheses(operand: string): string {
  if (!operand.startsWith('(') || !operand.endsWith(')')) return operand;
  const inner = operand.slice(1, -1);
  let depth = 0;
  for (const sign of inner) {
    if (sign === '(') depth += 1;
    if (sign === ')') depth -= 1;
    if (depth < 0) return operand;
  }
  return inner;
}

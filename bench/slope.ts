/** The slope of the line through the points, by least squares. */
export function slopeOf(points: readonly (readonly [number, number])[]): number {
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))]
  let [above, below] = [0, 0]
  for (const [at, value] of points) {
    above += (at - x) * (value - y)
    below += (at - x) ** 2
  }
  return below === 0 ? 0 : above / below
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

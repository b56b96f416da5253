/**
 * Places for the names of points, so that they cover neither each other nor points: every name takes the
 * place beside its point where it covers least, nearest first; a second round moves what has become crowded.
 */

/** A point whose name is to be placed, in pixels. */
export interface Labelled {
  /** Where the point is. */
  readonly x: number;
  /** Where the point is. */
  readonly y: number;
  /** Width of its name. */
  readonly width: number;
  /** How far its bars reach to the left and right, up and down; default nowhere. */
  readonly bars?: {
    readonly across?: readonly [number, number];
    readonly along?: readonly [number, number];
  };
}

/** Where a name stands: its middle in pixels, and whether a line leads to it. */
export interface Place {
  /** Middle of the name. */
  readonly x: number;
  /** Middle of the name. */
  readonly y: number;
  /** Whether it is so far away that a line should lead from the point to it. */
  readonly led: boolean;
}

/** The area where names may stand. */
export interface Area {
  /** Left edge. */
  readonly left: number;
  /** Top edge. */
  readonly top: number;
  /** Right edge. */
  readonly right: number;
  /** Bottom edge. */
  readonly bottom: number;
}

/** Half the height of a line of text. */
const HALF = 7;
/** Radius of a point with some air. */
const POINT = 6;

/** Directions in the order of preference: to the right, to the left, above, below, and between. */
const DIRECTIONS: readonly (readonly [number, number])[] = [
  [1, 0],
  [-1, 0],
  [0, -1],
  [0, 1],
  [0.8, -0.8],
  [-0.8, -0.8],
  [0.8, 0.8],
  [-0.8, 0.8],
];

type Box = readonly [left: number, top: number, right: number, bottom: number];

const overlap = (a: Box, b: Box): number =>
  Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) *
  Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));

const boxOf = (place: Place, width: number): Box => [
  place.x - width / 2,
  place.y - HALF,
  place.x + width / 2,
  place.y + HALF,
];

function candidates({ x, y, width }: Labelled): Place[] {
  return [9, 24, 40, 60].flatMap((distance) =>
    DIRECTIONS.map(([h, v]): Place => {
      const far = distance > 9;
      return {
        x: x + h * distance + Math.sign(h) * (width / 2),
        y: y + v * (distance + 3),
        led: far,
      };
    }),
  );
}

/** Places the names of points within an area. */
export function placeLabels(points: readonly Labelled[], area: Area): Place[] {
  const dots = points.map(({ x, y }): Box => [x - POINT, y - POINT, x + POINT, y + POINT]);
  const bars = points.flatMap(({ x, y, bars: { across, along } = {} }): Box[] => [
    ...(across === undefined ? [] : [[across[0], y - 2, across[1], y + 2] as const]),
    ...(along === undefined ? [] : [[x - 2, along[0], x + 2, along[1]] as const]),
  ]);
  const places: (Place | undefined)[] = points.map(() => undefined);
  const cost = (place: Place, i: number, rank: number): number => {
    const box = boxOf(place, points[i].width);
    const inside: Box = [area.left, area.top, area.right, area.bottom];
    const outside = points[i].width * 2 * HALF - overlap(box, inside);
    let sum = rank * 2 + outside * 20;
    for (const [j, dot] of dots.entries()) if (j !== i) sum += overlap(box, dot) * 3;
    for (const bar of bars) sum += overlap(box, bar);
    for (const [j, other] of places.entries()) {
      if (j !== i && other !== undefined) sum += overlap(box, boxOf(other, points[j].width)) * 4;
    }
    return sum;
  };
  for (let round = 0; round < 3; round++) {
    for (const [i, point] of points.entries()) {
      const costs = candidates(point).map((place, rank) => ({ place, cost: cost(place, i, rank) }));
      places[i] = costs.reduce((best, one) => (one.cost < best.cost ? one : best)).place;
    }
  }
  return places as Place[];
}

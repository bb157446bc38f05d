//! Lines as sets of points: what two have in common, and what one has that the other has not.

use datafusion::common::Result;
use geo::line_intersection::{LineIntersection, line_intersection};
use geo::{Coord as At, Line};

use super::invalid;
use super::shape::Coord;

/// Pairs of segments that one call may look at.
const PAIRS_MAX: usize = 1 << 28;

#[derive(Default)]
pub struct Common {
    pub points: Vec<Coord>,
    pub segments: Vec<Line>,
}

pub fn segments(lines: &[Vec<Coord>]) -> Vec<Line> {
    let pairs = lines.iter().flat_map(|line| line.windows(2));
    pairs
        .map(|pair| Line::new(of(pair[0]), of(pair[1])))
        .filter(|line| line.start != line.end)
        .collect()
}

pub fn of(at: Coord) -> At {
    At { x: at.x, y: at.y }
}

fn bounded(left: usize, right: usize) -> Result<()> {
    match left.saturating_mul(right) > PAIRS_MAX {
        true => invalid("ST_INVALID_ARGUMENT", "The lines have too many points to be compared."),
        false => Ok(()),
    }
}

pub fn common(left: &[Line], right: &[Line]) -> Result<Common> {
    bounded(left.len(), right.len())?;
    let mut found = Common::default();
    for a in left {
        for b in right.iter().filter(|b| near(a, b)) {
            match line_intersection(*a, *b) {
                Some(LineIntersection::SinglePoint { intersection: at, .. }) => {
                    found.points.push(Coord::of(at.x, at.y));
                }
                Some(LineIntersection::Collinear { intersection }) => {
                    found.segments.push(intersection);
                }
                None => {}
            }
        }
    }
    Ok(found)
}

/// What of lines is not on the others.
pub fn without(lines: &[Vec<Coord>], others: &[Line]) -> Result<Vec<Vec<Coord>>> {
    let segments = segments(lines);
    bounded(segments.len(), others.len())?;
    let mut kept = Vec::new();
    for segment in segments {
        let mut covered: Vec<(f64, f64)> = Vec::new();
        for other in others.iter().filter(|other| near(&segment, other)) {
            if let Some(LineIntersection::Collinear { intersection }) =
                line_intersection(segment, *other)
            {
                let (a, b) =
                    (along(&segment, intersection.start), along(&segment, intersection.end));
                covered.push((a.min(b), a.max(b)));
            }
        }
        covered.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut from = 0.0;
        for (begin, end) in covered.into_iter().chain([(1.0, 1.0)]) {
            if begin > from {
                kept.push(Line::new(place(&segment, from), place(&segment, begin)));
            }
            from = end.max(from);
        }
    }
    Ok(chained(kept))
}

/// Segments as lines, where the next begins at the end of the last.
pub fn chained(segments: impl IntoIterator<Item = Line>) -> Vec<Vec<Coord>> {
    let mut lines: Vec<Vec<Coord>> = Vec::new();
    for segment in segments {
        let (from, to) = (segment.start, segment.end);
        let (from, to) = (Coord::of(from.x, from.y), Coord::of(to.x, to.y));
        match lines.last_mut() {
            Some(line) if line.last() == Some(&from) => line.push(to),
            _ => lines.push(vec![from, to]),
        }
    }
    lines
}

fn near(a: &Line, b: &Line) -> bool {
    let apart =
        |a: (f64, f64), b: (f64, f64)| a.0.max(a.1) < b.0.min(b.1) || b.0.max(b.1) < a.0.min(a.1);
    !apart((a.start.x, a.end.x), (b.start.x, b.end.x))
        && !apart((a.start.y, a.end.y), (b.start.y, b.end.y))
}

/// How far along a segment a point of it is, from 0 to 1.
fn along(segment: &Line, at: At) -> f64 {
    let (dx, dy) = (segment.dx(), segment.dy());
    let far = match dx.abs() > dy.abs() {
        true => (at.x - segment.start.x) / dx,
        false => (at.y - segment.start.y) / dy,
    };
    far.clamp(0.0, 1.0)
}

fn place(segment: &Line, far: f64) -> At {
    match far {
        0.0 => segment.start,
        1.0 => segment.end,
        _ => {
            At { x: segment.start.x + segment.dx() * far, y: segment.start.y + segment.dy() * far }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: &[(f64, f64)]) -> Vec<Coord> {
        points.iter().map(|(x, y)| Coord::of(*x, *y)).collect()
    }

    #[test]
    fn sets_of_points() -> Result<()> {
        let long = line(&[(0.0, 0.0), (10.0, 0.0), (10.0, 5.0)]);
        let part = segments(&[line(&[(4.0, 0.0), (2.0, 0.0)])]);
        let left = without(std::slice::from_ref(&long), &part)?;
        let right =
            [line(&[(0.0, 0.0), (2.0, 0.0)]), line(&[(4.0, 0.0), (10.0, 0.0), (10.0, 5.0)])];
        assert_eq!(left, right);
        let cross = segments(&[line(&[(5.0, -1.0), (5.0, 1.0)])]);
        let found = common(&segments(&[long]), &cross)?;
        assert_eq!(found.points, line(&[(5.0, 0.0)]));
        assert!(found.segments.is_empty());
        Ok(())
    }
}

//! Geometries in memory: the kinds of OGC's simple features, of two to four axes.

/// Collections inside of collections.
pub const DEPTH_MAX: usize = 32;

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Coord {
    pub x: f64,
    pub y: f64,
    pub z: f64,
    pub m: f64,
}

impl Coord {
    pub fn of(x: f64, y: f64) -> Self {
        Self { x, y, ..Self::default() }
    }

    /// By the axes that are there.
    pub fn take(values: &[f64], axes: Axes) -> Self {
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        let (z, m) = match (axes.z, axes.m) {
            (true, true) => (at(2), at(3)),
            (true, false) => (at(2), 0.0),
            (false, true) => (0.0, at(2)),
            (false, false) => (0.0, 0.0),
        };
        Self { x: at(0), y: at(1), z, m }
    }

    pub fn values(self, axes: Axes) -> impl Iterator<Item = f64> {
        let more = axes.z.then_some(self.z).into_iter().chain(axes.m.then_some(self.m));
        [self.x, self.y].into_iter().chain(more)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Axes {
    pub z: bool,
    pub m: bool,
}

impl Axes {
    pub fn count(self) -> usize {
        2 + usize::from(self.z) + usize::from(self.m)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Point = 1,
    LineString,
    Polygon,
    MultiPoint,
    MultiLineString,
    MultiPolygon,
    GeometryCollection,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Point,
        Self::LineString,
        Self::Polygon,
        Self::MultiPoint,
        Self::MultiLineString,
        Self::MultiPolygon,
        Self::GeometryCollection,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Point => "Point",
            Self::LineString => "LineString",
            Self::Polygon => "Polygon",
            Self::MultiPoint => "MultiPoint",
            Self::MultiLineString => "MultiLineString",
            Self::MultiPolygon => "MultiPolygon",
            Self::GeometryCollection => "GeometryCollection",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// What the parts of it are, where they are all of one kind.
    pub fn part(self) -> Option<Self> {
        match self {
            Self::MultiPoint => Some(Self::Point),
            Self::MultiLineString => Some(Self::LineString),
            Self::MultiPolygon => Some(Self::Polygon),
            _ => None,
        }
    }

    pub fn of_many(self) -> Self {
        match self {
            Self::Point => Self::MultiPoint,
            Self::LineString => Self::MultiLineString,
            Self::Polygon => Self::MultiPolygon,
            many => many,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Point(Option<Coord>),
    Line(Vec<Coord>),
    /// The ring outside, and those of holes.
    Polygon(Vec<Vec<Coord>>),
    Many(Kind, Vec<Body>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    pub axes: Axes,
    pub body: Body,
}

impl Shape {
    pub fn flat(body: Body) -> Self {
        Self { axes: Axes::default(), body }
    }
}

impl Body {
    pub fn empty() -> Self {
        Self::Many(Kind::GeometryCollection, Vec::new())
    }

    /// Nothing, one part as it is, or many of a kind.
    pub fn gathered(mut parts: Vec<Body>) -> Self {
        let Some(kind) = parts.first().map(Body::kind) else { return Self::empty() };
        if parts.len() == 1 {
            return parts.swap_remove(0);
        }
        let is_one_kind = kind.of_many() != kind && parts.iter().all(|part| part.kind() == kind);
        let kind = if is_one_kind { kind.of_many() } else { Kind::GeometryCollection };
        Self::Many(kind, parts)
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Point(_) => Kind::Point,
            Self::Line(_) => Kind::LineString,
            Self::Polygon(_) => Kind::Polygon,
            Self::Many(kind, _) => *kind,
        }
    }

    pub fn is_empty(&self) -> bool {
        match self {
            Self::Point(at) => at.is_none(),
            Self::Line(points) => points.is_empty(),
            Self::Polygon(rings) => rings.is_empty(),
            Self::Many(_, parts) => parts.iter().all(Body::is_empty),
        }
    }

    /// Points, lines and polygons in it that are not empty.
    pub fn simple<'a>(&'a self, found: &mut Vec<&'a Body>) {
        match self {
            Self::Many(_, parts) => parts.iter().for_each(|part| part.simple(found)),
            part if !part.is_empty() => found.push(part),
            _ => {}
        }
    }

    pub fn parts(&self) -> Vec<&Body> {
        let mut found = Vec::new();
        self.simple(&mut found);
        found
    }

    pub fn coords(&self) -> Vec<Coord> {
        let mut all = Vec::new();
        self.each(&mut |coord| all.push(*coord));
        all
    }

    pub fn each(&self, see: &mut impl FnMut(&Coord)) {
        match self {
            Self::Point(at) => at.iter().for_each(see),
            Self::Line(points) => points.iter().for_each(see),
            Self::Polygon(rings) => rings.iter().flatten().for_each(see),
            Self::Many(_, parts) => parts.iter().for_each(|part| part.each(see)),
        }
    }

    pub fn change(&mut self, change: &mut impl FnMut(&mut Coord)) {
        match self {
            Self::Point(at) => at.iter_mut().for_each(change),
            Self::Line(points) => points.iter_mut().for_each(change),
            Self::Polygon(rings) => rings.iter_mut().flatten().for_each(change),
            Self::Many(_, parts) => parts.iter_mut().for_each(|part| part.change(change)),
        }
    }

    /// What is wrong with it. `is_earth`: coordinates are degrees of longitude and latitude.
    pub fn flaw(&self, is_earth: bool) -> Option<&'static str> {
        let mut flaw = None;
        self.each(&mut |coord| {
            if ![coord.x, coord.y, coord.z, coord.m].into_iter().all(f64::is_finite) {
                flaw = Some("a coordinate is not finite");
            } else if is_earth && (coord.x.abs() > 180.0 || coord.y.abs() > 90.0) {
                flaw = Some("a longitude or latitude is out of its bounds");
            }
        });
        flaw.or_else(|| self.parts().into_iter().find_map(Body::flaw_of_lines))
    }

    fn flaw_of_lines(&self) -> Option<&'static str> {
        match self {
            Self::Line(points) if points.len() < 2 => Some("there are too few points"),
            Self::Polygon(rings) => rings.iter().find_map(|ring| match ring.as_slice() {
                [first, .., last] if ring.len() > 3 => {
                    let is_closed = (first.x, first.y) == (last.x, last.y);
                    (!is_closed).then_some("a ring is not closed")
                }
                _ => Some("there are too few points"),
            }),
            _ => None,
        }
    }
}

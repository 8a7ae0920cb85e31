//! Areas on the globe, and which positions lie within them. The same code answers for rows in memory and inside a database.

use crate::model::{Cell, Code, Error, Geo, Model, Result, RowView};

use super::{Filter, Predicate, limits};

/// The mean radius of the earth, in metres.
const EARTH: f64 = 6_371_008.8;

/// Boxes around areas are this much larger, in degrees, so that no rounding loses a position.
const MARGIN: f64 = 1e-6;

/// A place on the globe, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// From −90 to 90, north is positive.
    pub latitude: f64,
    /// From −180 to 180, east is positive.
    pub longitude: f64,
}

/// All places that are not farther from a centre than a radius, on the great circle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Circle {
    /// The centre.
    pub center: Point,
    /// In metres, more than 0.
    pub radius: f64,
}

/// All places between two latitudes and two longitudes, edges included. One whose west is larger than its east crosses the
/// antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundingBox {
    /// The least latitude.
    pub south: f64,
    /// The longitude where it begins.
    pub west: f64,
    /// The largest latitude.
    pub north: f64,
    /// The longitude where it ends.
    pub east: f64,
}

/// All places inside a ring of points, by the even-odd rule on the plane of longitude and latitude: edges are straight there and
/// never cross the antimeridian (an area across it is two polygons). A place exactly on an edge may count or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    /// At least 3, at most [`MAX_POLYGON`](limits::MAX_POLYGON). The last one may repeat the first.
    pub points: Vec<Point>,
}

/// An area on the globe.
#[derive(Clone, Debug, PartialEq)]
pub enum Area {
    /// Around a centre.
    Circle(Circle),
    /// Between latitudes and longitudes.
    Box(BoundingBox),
    /// Inside a ring of points.
    Polygon(Polygon),
}

/// The condition that a row's position lies within an area. It is unknown for a row without a position: one that lacks a
/// coordinate, or has one that is none (a latitude of 100).
#[derive(Clone, Debug, PartialEq)]
pub struct Within {
    /// Index of the column of latitudes.
    pub latitude: usize,
    /// Index of the column of longitudes.
    pub longitude: usize,
    /// Where.
    pub area: Area,
}

impl Point {
    /// A place; latitude first.
    pub const fn new(latitude: f64, longitude: f64) -> Self {
        Point { latitude, longitude }
    }

    /// Whether both are degrees.
    fn is_real(self) -> bool {
        (-90.0..=90.0).contains(&self.latitude) && (-180.0..=180.0).contains(&self.longitude)
    }

    /// The position that two stored values are, if they are one.
    pub(crate) fn stored(latitude: Cell<'_>, longitude: Cell<'_>) -> Option<Self> {
        let degrees = |cell| match cell {
            Cell::Number(number) => Some(number),
            Cell::Integer(number) => Some(number as f64),
            _ => None,
        };
        Some(Point::new(degrees(latitude)?, degrees(longitude)?)).filter(|point| point.is_real())
    }

    /// How far it is, in metres, on the great circle.
    ///
    /// ```
    /// use modeller::query::Point;
    /// let (paris, london) = (Point::new(48.8566, 2.3522), Point::new(51.5074, -0.1278));
    /// assert_eq!((paris.distance(london) / 1000.0).round(), 344.0);
    /// ```
    pub fn distance(self, other: Point) -> f64 {
        let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
        let chord = half(self.latitude, other.latitude)
            + self.latitude.to_radians().cos()
                * other.latitude.to_radians().cos()
                * half(self.longitude, other.longitude);
        2.0 * EARTH * chord.clamp(0.0, 1.0).sqrt().asin()
    }
}

impl Circle {
    /// Around a centre (latitude first), up to this many metres away.
    pub const fn new(latitude: f64, longitude: f64, radius: f64) -> Self {
        Circle { center: Point::new(latitude, longitude), radius }
    }
}

impl BoundingBox {
    /// From the south-western corner to the north-eastern one.
    pub const fn new(south_west: Point, north_east: Point) -> Self {
        BoundingBox {
            south: south_west.latitude,
            west: south_west.longitude,
            north: north_east.latitude,
            east: north_east.longitude,
        }
    }

    /// Whether nothing lies outside.
    #[cfg(feature = "sqlite")]
    pub(crate) fn is_everywhere(&self) -> bool {
        self.south <= -90.0 && self.north >= 90.0 && self.west <= -180.0 && self.east >= 180.0
    }

    fn contains(&self, point: Point) -> bool {
        let between = |longitude: f64| match self.west <= self.east {
            true => (self.west..=self.east).contains(&longitude),
            false => longitude >= self.west || longitude <= self.east,
        };
        // The antimeridian has two names.
        let other = if point.longitude.abs() == 180.0 { -point.longitude } else { point.longitude };
        (self.south..=self.north).contains(&point.latitude) && (between(point.longitude) || between(other))
    }
}

impl Polygon {
    /// Inside this ring.
    pub fn new(points: impl Into<Vec<Point>>) -> Self {
        Polygon { points: points.into() }
    }

    /// The corners, without a last one that repeats the first.
    fn ring(&self) -> &[Point] {
        match self.points.as_slice() {
            [first, ring @ .., last] if first == last => &self.points[..=ring.len()],
            points => points,
        }
    }

    fn contains(&self, point: Point) -> bool {
        let ring = self.ring();
        let before = ring.iter().cycle().skip(ring.len().saturating_sub(1));
        let crossed = ring.iter().zip(before).filter(|(to, from)| {
            (to.latitude > point.latitude) != (from.latitude > point.latitude)
                && point.longitude
                    < (from.longitude - to.longitude) * (point.latitude - to.latitude)
                        / (from.latitude - to.latitude)
                        + to.longitude
        });
        crossed.count() % 2 == 1
    }
}

impl From<Circle> for Area {
    fn from(circle: Circle) -> Self {
        Area::Circle(circle)
    }
}

impl From<BoundingBox> for Area {
    fn from(bounds: BoundingBox) -> Self {
        Area::Box(bounds)
    }
}

impl From<Polygon> for Area {
    fn from(polygon: Polygon) -> Self {
        Area::Polygon(polygon)
    }
}

impl Area {
    /// The area, if it is one.
    ///
    /// # Errors
    /// `INVALID_QUERY` for coordinates that are none, a radius that is not above 0, a south that is north of the north, and a
    /// polygon of too few or too many points.
    pub fn check(self) -> Result<Self> {
        let real = |point: Point| match point.is_real() {
            true => Ok(()),
            false => Err(invalid(format!(
                "{}, {} is no position: latitudes are from -90 to 90 degrees, longitudes from -180 to 180",
                point.latitude, point.longitude
            ))),
        };
        match &self {
            Area::Circle(circle) => {
                real(circle.center)?;
                if !(circle.radius.is_finite() && circle.radius > 0.0) {
                    return Err(invalid("the radius of a circle is a number of metres above 0"));
                }
            }
            Area::Box(bounds) => {
                real(Point::new(bounds.south, bounds.west))?;
                real(Point::new(bounds.north, bounds.east))?;
                if bounds.south > bounds.north {
                    return Err(invalid("the `south` of a box is larger than its `north`"));
                }
            }
            Area::Polygon(polygon) => {
                let most = limits::MAX_POLYGON;
                if polygon.points.len() > most + 1 || polygon.ring().len() > most {
                    return Err(invalid(format!("a polygon has {most} points at most")));
                }
                if polygon.ring().len() < 3 {
                    return Err(invalid(
                        "a polygon has 3 points at least, besides a last one that repeats the first",
                    ));
                }
                polygon.points.iter().try_for_each(|point| real(*point))?;
            }
        }
        Ok(self)
    }

    /// Whether a place lies within.
    ///
    /// ```
    /// use modeller::query::{Area, BoundingBox, Point};
    /// // Across the antimeridian.
    /// let fiji = Area::from(BoundingBox::new(Point::new(-21.0, 176.0), Point::new(-12.0, -178.0)));
    /// assert!(fiji.contains(Point::new(-18.0, 179.9)) && fiji.contains(Point::new(-18.0, -179.9)));
    /// assert!(!fiji.contains(Point::new(-18.0, 0.0)));
    /// ```
    pub fn contains(&self, point: Point) -> bool {
        match self {
            Area::Circle(circle) => circle.center.distance(point) <= circle.radius,
            Area::Box(bounds) => bounds.contains(point),
            Area::Polygon(polygon) => polygon.contains(point),
        }
    }

    /// One box or two that hold all of it, a little more, and cross no antimeridian: what a spatial index is asked for first.
    pub fn boxes(&self) -> Vec<BoundingBox> {
        let whole = |south, north| BoundingBox { south, west: -180.0, north, east: 180.0 };
        let mut bounds = match self {
            Area::Circle(circle) => {
                let angle = circle.radius / EARTH;
                let Point { latitude, longitude } = circle.center;
                let (south, north) = (latitude - angle.to_degrees(), latitude + angle.to_degrees());
                // The meridians that touch it; around a pole all of them do.
                let width = angle.sin() / latitude.to_radians().cos();
                if south - MARGIN <= -90.0 || north + MARGIN >= 90.0 || width >= 1.0 {
                    return vec![whole(south - MARGIN, north + MARGIN)];
                }
                let width = width.asin().to_degrees();
                BoundingBox { south, west: longitude - width, north, east: longitude + width }
            }
            Area::Box(bounds) if bounds.west > bounds.east => {
                BoundingBox { east: bounds.east + 360.0, ..*bounds }
            }
            Area::Box(bounds) => *bounds,
            Area::Polygon(polygon) => {
                let latitudes = || polygon.points.iter().map(|point| point.latitude);
                let longitudes = || polygon.points.iter().map(|point| point.longitude);
                BoundingBox {
                    south: latitudes().fold(f64::INFINITY, f64::min),
                    west: longitudes().fold(f64::INFINITY, f64::min),
                    north: latitudes().fold(f64::NEG_INFINITY, f64::max),
                    east: longitudes().fold(f64::NEG_INFINITY, f64::max),
                }
            }
        };
        bounds.south -= MARGIN;
        bounds.west -= MARGIN;
        bounds.north += MARGIN;
        bounds.east += MARGIN;
        let BoundingBox { south, west, north, east } = bounds;
        if east - west >= 360.0 {
            vec![whole(south, north)]
        } else if east > 180.0 {
            vec![
                BoundingBox { east: 180.0, ..bounds },
                BoundingBox { west: -180.0, east: east - 360.0, ..bounds },
            ]
        } else if west < -180.0 {
            vec![
                BoundingBox { west: -180.0, ..bounds },
                BoundingBox { west: west + 360.0, east: 180.0, ..bounds },
            ]
        } else {
            vec![bounds]
        }
    }

    /// The area as text that loses no bit of its numbers.
    #[cfg(feature = "engine")]
    pub(crate) fn encode(&self) -> String {
        let (kind, numbers) = match self {
            Area::Circle(Circle { center, radius }) => {
                ('c', vec![center.latitude, center.longitude, *radius])
            }
            Area::Box(bounds) => ('b', vec![bounds.south, bounds.west, bounds.north, bounds.east]),
            Area::Polygon(polygon) => {
                let points = polygon.points.iter();
                ('p', points.flat_map(|point| [point.latitude, point.longitude]).collect())
            }
        };
        let mut text = String::from(kind);
        for number in numbers {
            text.push_str(&format!(" {:x}", number.to_bits()));
        }
        text
    }

    /// What [`encode`](Self::encode) wrote.
    #[cfg(feature = "sqlite")]
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let kind = parts.next()?;
        let number = |part| u64::from_str_radix(part, 16).ok().map(f64::from_bits);
        let numbers: Vec<f64> = parts.map(number).collect::<Option<_>>()?;
        match (kind, numbers.as_slice()) {
            ("c", &[latitude, longitude, radius]) => Some(Circle::new(latitude, longitude, radius).into()),
            ("b", &[south, west, north, east]) => Some(BoundingBox { south, west, north, east }.into()),
            ("p", points) => {
                let (points, []) = points.as_chunks::<2>() else { return None };
                let points: Vec<Point> =
                    points.iter().map(|[latitude, longitude]| Point::new(*latitude, *longitude)).collect();
                Some(Polygon::new(points).into())
            }
            _ => None,
        }
    }
}

impl Within {
    /// Whether the row's position lies within the area; unknown if it has none.
    pub(crate) fn truth(&self, row: &dyn RowView) -> Option<bool> {
        let point = Point::stored(row.cell(self.latitude), row.cell(self.longitude))?;
        Some(self.area.contains(point))
    }
}

impl<M: Model> Geo<M> {
    /// The position lies within this area: a [`Circle`], a [`BoundingBox`] or a [`Polygon`].
    ///
    /// ```
    /// use modeller::prelude::*;
    /// use modeller::query::Circle;
    ///
    /// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// #[model(geo(lat, lng))]
    /// pub struct Shop { pub name: String, pub lat: Option<f64>, pub lng: Option<f64> }
    ///
    /// let query = Shop::find().filter(Shop::LAT_LNG.within(Circle::new(48.8566, 2.3522, 1_000.0)) & Shop::NAME.starts_with("B"));
    /// ```
    ///
    /// Fields that the struct does not declare as a position are none:
    ///
    /// ```compile_fail,E0599
    /// use modeller::prelude::*;
    /// use modeller::query::Circle;
    ///
    /// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// pub struct Shop { pub lat: f64, pub lng: f64 }
    ///
    /// let query = Shop::find().filter(Shop::LAT_LNG.within(Circle::new(48.8566, 2.3522, 1_000.0)));
    /// ```
    pub fn within(self, area: impl Into<Area>) -> Predicate<M> {
        let (latitude, longitude) = (self.latitude(), self.longitude());
        let area = area.into().check();
        Predicate::from_result(
            area.map(|area| Filter::Within(Box::new(Within { latitude, longitude, area }))),
        )
    }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::InvalidQuery, message)
}

#[cfg(test)]
// Its random areas are for the tests of the stores, too.
#[cfg_attr(not(feature = "sqlite"), allow(dead_code))]
pub(crate) mod tests;

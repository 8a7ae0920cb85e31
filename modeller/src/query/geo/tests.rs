//! Areas and their boxes.

use proptest::prelude::*;

use super::*;

/// Degrees, the odd ones often.
pub(crate) fn degrees(most: f64) -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -most..=most,
        1 => (-90..=90_i32).prop_map(move |tenth| f64::from(tenth) / 90.0 * most),
        1 => proptest::sample::select(vec![most, -most, 0.0, most - 1e-9, 1e-9 - most]),
    ]
}

pub(crate) fn point() -> impl Strategy<Value = Point> {
    (degrees(90.0), degrees(180.0)).prop_map(|(latitude, longitude)| Point::new(latitude, longitude))
}

pub(crate) fn area() -> impl Strategy<Value = Area> {
    let radius = prop_oneof![1.0..1e4_f64, 1e4..3e6_f64, 3e6..2.5e7_f64];
    let circle = (point(), radius)
        .prop_map(|(center, radius)| Circle::new(center.latitude, center.longitude, radius).into());
    let sides = (point(), point()).prop_map(|(one, other)| {
        let (south, north) = (one.latitude.min(other.latitude), one.latitude.max(other.latitude));
        BoundingBox { south, north, west: one.longitude, east: other.longitude }.into()
    });
    let polygon = prop::collection::vec(point(), 3..8).prop_map(|points| Polygon::new(points).into());
    prop_oneof![circle, sides, polygon].prop_filter("an area", |area: &Area| area.clone().check().is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    // QRY-24
    #[test]
    fn what_lies_within_an_area_lies_within_its_boxes(area in area(), point in point()) {
        let boxes = area.boxes();
        prop_assert!(boxes.iter().all(|bounds| bounds.west <= bounds.east && bounds.west >= -180.0 - MARGIN));
        let near = |bounds: &BoundingBox| {
            (bounds.south..=bounds.north).contains(&point.latitude) && (bounds.west..=bounds.east).contains(&point.longitude)
        };
        prop_assert!(!area.contains(point) || boxes.iter().any(near), "{area:?} {boxes:?}");
    }

    #[test]
    fn an_area_as_text_loses_nothing(area in area()) {
        prop_assert_eq!(Area::decode(&area.encode()), Some(area));
    }
}

#[test]
fn distances_are_those_on_the_great_circle() {
    // QRY-24
    for (from, to, kilometres) in [
        ((0.0, 0.0), (0.0, 90.0), 10_007.557),
        ((90.0, 17.0), (-90.0, -140.0), 20_015.115),
        ((0.0, 179.5), (0.0, -179.5), 111.195),
        ((48.8566, 2.3522), (52.52, 13.405), 877.46),
        ((10.0, 20.0), (10.0, 20.0), 0.0),
    ] {
        let distance = Point::new(from.0, from.1).distance(Point::new(to.0, to.1)) / 1_000.0;
        assert!((distance - kilometres).abs() < 0.01, "{from:?} {to:?}: {distance}");
    }
}

#[test]
fn areas_hold_what_they_should() {
    // QRY-24
    let polygon = |points: &[(f64, f64)]| {
        Area::from(Polygon::new(
            points.iter().map(|&(south, west)| Point::new(south, west)).collect::<Vec<_>>(),
        ))
    };
    // An hourglass: by the even-odd rule its waist is no inside.
    let hourglass = polygon(&[(0.0, 0.0), (10.0, 10.0), (10.0, 0.0), (0.0, 10.0)]);
    let concave = polygon(&[(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (5.0, 5.0), (10.0, 0.0), (0.0, 0.0)]);
    let pole = Area::from(Circle::new(89.0, 0.0, 200_000.0));
    let dateline = Area::from(Circle::new(0.0, 180.0, 200_000.0));
    let edge = Area::from(BoundingBox::new(Point::new(-1.0, 170.0), Point::new(1.0, 180.0)));
    for (area, point, expected) in [
        (&hourglass, (1.0, 5.0), true),
        (&hourglass, (5.0, 1.0), false),
        (&concave, (4.0, 5.0), true),
        (&concave, (8.0, 5.0), false),
        (&pole, (89.5, 180.0), true),
        (&pole, (88.0, 180.0), false),
        (&dateline, (0.0, 179.0), true),
        (&dateline, (0.0, -179.0), true),
        (&dateline, (0.0, 177.0), false),
        (&edge, (0.0, -180.0), true),
        (&edge, (0.0, -179.9), false),
    ] {
        assert_eq!(area.contains(Point::new(point.0, point.1)), expected, "{area:?} {point:?}");
    }
}

#[test]
fn what_is_no_area_is_refused() {
    // QRY-24
    let ring = |points: usize| Area::from(Polygon::new(vec![Point::new(1.0, 1.0); points]));
    let circle = |latitude, longitude, radius| Area::from(Circle::new(latitude, longitude, radius));
    let refused = [
        circle(f64::NAN, 0.0, 1.0),
        circle(90.1, 0.0, 1.0),
        circle(0.0, -180.1, 1.0),
        circle(0.0, f64::INFINITY, 1.0),
        circle(0.0, 0.0, 0.0),
        circle(0.0, 0.0, -1.0),
        circle(0.0, 0.0, f64::NAN),
        circle(0.0, 0.0, f64::INFINITY),
        BoundingBox { south: 1.0, west: 0.0, north: 0.0, east: 1.0 }.into(),
        BoundingBox { south: 0.0, west: 0.0, north: 1.0, east: 181.0 }.into(),
        ring(0),
        ring(2),
        ring(limits::MAX_POLYGON + 2),
        Polygon::new([(0.0, 0.0), (1.0, 1.0), (0.0, 0.0)].map(|(south, west)| Point::new(south, west)))
            .into(),
        Polygon::new([(0.0, 0.0), (1.0, 1.0), (0.0, f64::NAN)].map(|(south, west)| Point::new(south, west)))
            .into(),
    ];
    for area in refused {
        let error = area.clone().check().expect_err(&format!("{area:?}"));
        assert!(error.is(Code::InvalidQuery), "{error}");
    }
}

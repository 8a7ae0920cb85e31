//! `{"$geoWithin": {"latitudeField": "lat", "longitudeField": "lng", "circle": {..}}}`.

use serde_json::{Map, Value as Json, json};

use super::{Access, Parser, invalid, shown, suggest, values};
use crate::model::{Error, Result};
use crate::query::{Area, BoundingBox, Circle, Filter, Point, Polygon, Within};

/// The operator, as the wire has it.
pub(super) const NAME: &str = "$geoWithin";

const MEMBERS: [&str; 5] = ["latitudeField", "longitudeField", "circle", "box", "polygon"];

impl Parser<'_> {
    /// The names of the model's positions that may be asked for.
    fn positions(&self) -> Vec<(usize, usize)> {
        let seen = |column: usize| self.access == Access::Full || !self.shape.columns[column].private;
        let pairs = self.shape.geo.iter().copied();
        pairs.filter(|&(latitude, longitude)| seen(latitude) && seen(longitude)).collect()
    }

    /// Whether there is anything to ask with the operator.
    pub(super) fn has_positions(&self) -> bool {
        !self.positions().is_empty()
    }

    pub(super) fn geo_within(&mut self, json: &Json) -> Result<Filter> {
        let object = members("", json, &MEMBERS)?;
        let (latitude, longitude) = self.position(object)?;
        let areas: Vec<(&str, &Json)> =
            MEMBERS[2..].iter().filter_map(|name| Some((*name, object.get(*name)?))).collect();
        let area: Area = match areas.as_slice() {
            [("circle", json)] => {
                let circle = members("circle", json, &["center", "radius"])?;
                let center = point("circle.center", circle.get("center").unwrap_or(&Json::Null))?;
                Circle { center, radius: number("circle", circle, "radius")? }.into()
            }
            [("box", json)] => {
                let bounds = members("box", json, &["south", "west", "north", "east"])?;
                let side = |name| number("box", bounds, name);
                BoundingBox {
                    south: side("south")?,
                    west: side("west")?,
                    north: side("north")?,
                    east: side("east")?,
                }
                .into()
            }
            [(name, json)] => {
                let points = json.as_array().ok_or_else(|| wrong(name, "a list of points", json))?;
                self.count_values(points.len())?;
                Polygon::new(points.iter().map(|json| point(name, json)).collect::<Result<Vec<_>>>()?).into()
            }
            _ => {
                let message = format!("`{NAME}` takes one area: `circle`, `box` or `polygon`");
                return Err(invalid(message)
                    .with_field(NAME)
                    .with_details(json!({ "field": NAME, "expected": MEMBERS[2..] })));
            }
        };
        let area = area.check().map_err(|error| error.with_field(NAME))?;
        Ok(Filter::Within(Box::new(Within { latitude, longitude, area })))
    }

    /// The columns that are meant. What is wrong with them is an error: a condition is never left out.
    fn position(&self, object: &Map<String, Json>) -> Result<(usize, usize)> {
        let pairs = self.positions();
        let path = &self.shape.path;
        if pairs.is_empty() {
            let message = format!("`{path}` has no position to ask for: no fields of it are `geo`");
            return Err(invalid(message).with_field(NAME));
        }
        let mut left = pairs.clone();
        type Half = fn(&(usize, usize)) -> usize;
        let halves: [(&str, Half); 2] = [(MEMBERS[0], |pair| pair.0), (MEMBERS[1], |pair| pair.1)];
        for (member, half) in halves {
            let Some(json) = object.get(member) else { continue };
            let name = json.as_str().ok_or_else(|| wrong(member, "the name of a field", json))?;
            let column = self.visible(name).ok_or_else(|| self.unknown_field(name))?;
            if !pairs.iter().any(|pair| half(pair) == column) {
                let names: Vec<&str> =
                    pairs.iter().map(|pair| &*self.shape.columns[half(pair)].name).collect();
                let message = format!("`{}` of `{path}` is no `{member}` of a position", shown(name));
                return Err(suggest::unknown(message, name, name, &names));
            }
            left.retain(|pair| half(pair) == column);
        }
        match left.as_slice() {
            [pair] => Ok(*pair),
            some => {
                let name = |&(latitude, longitude): &(usize, usize)| {
                    [&self.shape.columns[latitude].name, &self.shape.columns[longitude].name]
                };
                let why = if some.is_empty() {
                    "these two fields are no position"
                } else {
                    "it has several positions"
                };
                let message =
                    format!("`{path}`: {why}; `latitudeField` and `longitudeField` say which one is meant");
                let expected: Vec<_> = pairs.iter().map(name).collect();
                Err(invalid(message)
                    .with_field(NAME)
                    .with_details(json!({ "field": NAME, "expected": expected })))
            }
        }
    }
}

/// The members of an object, none of which is unknown.
fn members<'j>(place: &str, json: &'j Json, known: &[&str]) -> Result<&'j Map<String, Json>> {
    let object = json.as_object().ok_or_else(|| wrong(place, "an object", json))?;
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => {
            let message = format!("`{}` has no member `{}`", full(place), shown(name));
            Err(suggest::unknown(message, NAME, name, known))
        }
        None => Ok(object),
    }
}

fn point(place: &str, json: &Json) -> Result<Point> {
    let object = members(place, json, &["latitude", "longitude"])?;
    Ok(Point::new(number(place, object, "latitude")?, number(place, object, "longitude")?))
}

fn number(place: &str, object: &Map<String, Json>, name: &str) -> Result<f64> {
    let json = object.get(name).unwrap_or(&Json::Null);
    json.as_f64().ok_or_else(|| wrong(&format!("{place}.{name}"), "a number", json))
}

fn wrong(place: &str, takes: &str, given: &Json) -> Error {
    let message = format!("`{}` takes {takes}, not {}", full(place), values::describe(given));
    invalid(message).with_field(NAME)
}

fn full(place: &str) -> String {
    if place.is_empty() { NAME.to_owned() } else { format!("{NAME}.{place}") }
}

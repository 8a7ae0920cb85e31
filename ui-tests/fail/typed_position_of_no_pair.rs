// QRY-24
use modeller::prelude::*;
use modeller::query::Circle;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(geo(lat, lng))]
pub struct Shop {
    pub lat: f64,
    pub lng: f64,
    pub north: f64,
}

fn main() {
    let _ = Shop::find().filter(Shop::NORTH_LNG.within(Circle::new(48.8566, 2.3522, 1_000.0)));
}

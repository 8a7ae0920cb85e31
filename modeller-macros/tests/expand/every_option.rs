#[model(scope = "shop", name = "items", trash, ttl = "30m", max_size = 1000, renamed_from = "shop/things")]
#[model(unique(seller, title), unique(title, kind), index(kind, seller), geo(lat, lng), crate = ::backend)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[model(key, generated = "uuid", renamed_from = "code")]
    id: String,
    #[model(references = people::Person)]
    seller: String,
    #[model(references = Self::ID, index)]
    sold_with: Option<String>,
    #[validate(length(min = 1, max = 9, message = "1 to 9"), custom(function = "fine", message = "fine"))]
    title: String,
    r#kind: Kind,
    lat: f64,
    pub lng: Option<f32>,
    #[model(searchable)]
    words: Vec<String>,
    #[serde(rename = "type")]
    #[model(private, unique)]
    pub(crate) r#type: Vec<u8>,
    #[serde(skip)]
    cache: u128,
}

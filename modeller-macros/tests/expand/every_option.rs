#[model(scope = "shop", name = "items", trash, ttl = "30m", max_size = 1000, renamed_from = "shop/things")]
#[model(unique(seller, title), unique(title, kind), index(kind, seller), crate = ::backend)]
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
    #[serde(rename = "type")]
    #[model(private, unique)]
    pub(crate) r#type: Vec<u8>,
    #[serde(skip)]
    cache: u128,
}

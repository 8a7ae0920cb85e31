use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, before(update))]
async fn narrow(listing: &mut Listing) -> Result<()> {
    listing.count = 7;
    Ok(())
}

fn main() {}

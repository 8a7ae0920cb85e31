use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct Post {
    pub title: String,
}

#[modeller::hook(User, before(insert))]
async fn normalize(post: &mut Post) -> Result<()> {
    post.title.clear();
    Ok(())
}

fn main() {}

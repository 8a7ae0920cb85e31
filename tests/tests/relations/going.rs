//! What becomes of documents when what they refer to goes by itself; and names that contradict each other.

use std::time::Duration;

use super::*;

/// A few places to sit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "room", name = "seats", max_size = 2)]
pub struct Seat {
    #[model(unique)]
    pub number: i64,
}

/// Who sits there.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "room", name = "guests")]
pub struct Guest {
    #[model(references = Seat::NUMBER, on_delete = "cascade")]
    pub seat: i64,
}

/// What a guest has left, which holds the guest.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "room", name = "hats")]
pub struct Hat {
    pub of: Ref<Guest>,
}

#[tokio::test]
async fn what_expires_takes_along_what_belongs_to_it() {
    // X-32 SCH-23
    let Filled { server, mut client, ada, bob, .. } = filled(true).await;
    let session = insert(&mut client, "sessions", json!({"user": ada})).await;
    insert(&mut client, "steps", json!({"session": session, "what": "in"})).await;
    server.clock.advance(Duration::from_secs(120));
    // It is gone from that moment on, and what belongs to it from the next sweep on.
    assert_eq!(good(client.get("/blog/sessions/count").await), 0);
    assert_eq!(good(client.get("/blog/steps/count?session.user.email=ada@b.c").await), 0);
    assert_eq!(server.cx.engine().sweep().await.unwrap(), 1);
    assert_eq!(good(client.get("/blog/steps/count").await), 0);
    // What the trash lets go of has been followed when it came there: what has come since is not touched.
    assert_eq!(client.delete(&format!("/blog/users/delete?_id={bob}")).await.status, 200);
    let left = good(client.get("/blog/comments/count").await);
    server.clock.advance(Duration::from_secs(2 * 3600));
    server.cx.engine().sweep().await.unwrap();
    assert_eq!(good(client.get("/blog/comments/count").await), left);
}

#[tokio::test]
async fn what_makes_room_takes_along_what_belongs_to_it() {
    // X-32 SCH-24
    let server = start::<(Seat, Guest, Hat)>(true).await;
    let cx = &server.cx;
    for number in 1..=2 {
        Seat::insert(cx, Seat { number }).await.unwrap();
        server.clock.advance(Duration::from_millis(1));
        let guest = Guest::insert(cx, Guest { seat: number }).await.unwrap();
        Hat::insert(cx, Hat { of: (&guest).into() }).await.unwrap();
    }
    let mut client = server.client().await;
    // A hat holds its guest, and so the seat, against a caller,
    refused(&client.delete("/room/seats/delete?number=1").await, 409, "REFERENCED");
    // but nobody holds what makes room.
    Seat::insert(cx, Seat { number: 3 }).await.unwrap();
    let guests = Guest::find().all(cx).await.unwrap();
    assert_eq!(guests.iter().map(|guest| guest.seat).collect::<Vec<_>>(), [2]);
    let hats = good(client.get("/room/hats/list?with=of").await);
    assert_eq!((&hats[0]["of"], &hats[1]["of"]["seat"]), (&Json::Null, &json!(2)));
}

#[tokio::test]
async fn numbers_are_keys_as_well_as_texts() {
    let server = start::<(Seat, Guest, Hat)>(true).await;
    let cx = &server.cx;
    for number in [7, 8] {
        Seat::insert(cx, Seat { number }).await.unwrap();
        Guest::insert(cx, Guest { seat: number }).await.unwrap();
    }
    let mut client = server.client().await;
    let guests = good(client.get("/room/guests/list?with=seat").await);
    assert_eq!(guests[0]["seat"]["number"], 7);
    let seats = good(client.get("/room/seats/list?guests.seat=8&with=guests").await);
    assert_eq!((seats.as_array().unwrap().len(), &seats[0]["guests"][0]["seat"]), (1, &json!(8)));
}

/// Its field has the name that the relation to it wants.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "clash", name = "owners")]
pub struct Owner {
    pub pets: Vec<String>,
}

/// What belongs to somebody.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(rename_all = "camelCase")]
#[model(scope = "clash", name = "pets")]
pub struct Pet {
    pub owner: Ref<Owner>,
    pub vet_id: Option<Ref<Vet>>,
    pub vet: Option<String>,
}

/// Who makes them well again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "clash", name = "vets")]
pub struct Vet {
    pub name: String,
}

#[test]
fn names_that_contradict_each_other_are_faults_with_both_places() {
    let faults = Registry::of(&<(Owner, Pet, Vet)>::descriptors()).unwrap_err();
    let all: Vec<_> = faults.iter().collect();
    assert_eq!(all.len(), 2, "{faults}");
    for (fault, words) in all.iter().zip([
        "`Pet.owner` makes relation `pets` of `clash/owners`, which has a field `pets` already: rename the field",
        "`Pet.vet_id` makes relation `vet` of `clash/pets`, which has a field `vet` already: rename the field",
    ]) {
        assert!(fault.message().starts_with(words), "{faults}");
        assert_eq!(fault.sites().len(), 2);
    }
}

/// Models of two scopes with one name.
mod shop {
    use super::*;

    /// What is said about a product.
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "shop", name = "comments")]
    pub struct Comment {
        pub author: Ref<User>,
    }
}

#[tokio::test]
async fn relations_are_listed_and_have_names_of_their_own() {
    let server = start::<(User, Post, Comment, Session, Step, shop::Comment)>(true).await;
    let report = server.cx.engine().registry().report();
    for line in [
        "relation author: one of blog/users (author = _id)",
        "relation post: one of blog/posts (postId = _id)",
        "relation blogComments: several of blog/comments (_id = author)",
        "relation shopComments: several of shop/comments (_id = author)",
        "relation postsByOwner: several of blog/posts (_id = owner)",
        "author: text -> blog/users._id (on delete cascade)",
    ] {
        assert!(report.contains(line), "{line} is missing in\n{report}");
    }
    let metadata = good(server.client().await.get("/@metadata").await);
    let models = metadata["models"].as_array().unwrap();
    let users = models.iter().find(|model| model["path"] == "blog/users").unwrap();
    let names: Vec<&Json> = users["relations"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(
        names,
        ["blogComments", "boss", "postsByOwner", "postsByReaders", "sessions", "shopComments", "users"]
    );
    let comments = models.iter().find(|model| model["path"] == "blog/comments").unwrap();
    assert_eq!(
        comments["relations"],
        json!([
            {"name": "author", "model": "blog/users", "many": false, "field": "author", "target": "_id"},
            {"name": "post", "model": "blog/posts", "many": false, "field": "postId", "target": "_id"},
        ])
    );
    let author =
        comments["fields"].as_array().unwrap().iter().find(|field| field["name"] == "author").unwrap();
    assert_eq!(author["onDelete"], "cascade");
}

#[tokio::test]
async fn the_description_knows_relations_and_keeps_private_ones_to_itself() {
    //
    let server = start::<Blog>(true).await;
    let document = good(server.client().await.get("/@openapi.json").await);
    let schemas = &document["components"]["schemas"];
    let filter = &schemas["UsersFilter"]["properties"];
    assert_eq!(filter["comments"]["properties"]["$some"]["$ref"], "#/components/schemas/CommentsFilter");
    assert_eq!(filter["comments.text"]["$ref"], "#/components/schemas/TextTest");
    let with = &schemas["CommentsWith"]["properties"];
    assert_eq!(with["author"]["anyOf"][1]["properties"]["with"]["$ref"], "#/components/schemas/UsersWith");
    let loaded = &schemas["UsersLoaded"]["properties"];
    assert_eq!(loaded["comments"]["type"], "array");
    assert!(loaded["commentsAggregate"].is_object());
    let parameter = document["paths"]["/blog/users/list"]["get"]["parameters"].to_string();
    assert!(parameter.contains("Users.with"), "{parameter}");
    // A private field can be given, and nothing else.
    let told: Vec<String> = schemas
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| !["Insert", "Patch", "Update"].iter().any(|end| name.ends_with(end)))
        .map(|(_, schema)| schema.to_string())
        .chain([document["paths"].to_string(), document["components"]["parameters"].to_string()])
        .collect();
    for hidden in ["ditor", "\"note\"", "comments.note"] {
        assert!(told.iter().all(|text| !text.contains(hidden)), "{hidden}");
    }
}

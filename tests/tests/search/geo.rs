//! Positions: what lies where.

use modeller::query::{Access, BoundingBox, Circle, Point, Polygon};

use super::*;

const POSTS: &str = "/app/posts";

/// Cities, and one that nobody knows the place of.
async fn cities() -> (Server, Client) {
    let server = start().await;
    let posts = vec![
        Post::at("Paris", 48.8566, 2.3522),
        Post::at("Versailles", 48.8049, 2.1204),
        Post::at("London", 51.5074, -0.1278),
        Post::at("Suva", -18.1416, 178.4419),
        Post::at("Apia", -13.8333, -171.7667),
        Post::at("South Pole", -90.0, 0.0),
        Post::new("Atlantis"),
        Post { lng: None, ..Post::at("Half", 48.8566, 2.3522) },
    ];
    Post::insert_many(&server.cx, posts).await.unwrap();
    let client = server.client().await;
    (server, client)
}

async fn titles(client: &mut Client, filter: &Json) -> Vec<String> {
    let answer = client.get(&format!("{POSTS}/list?sort=title&query={}", url(&filter.to_string()))).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    pluck(&answer, "title").iter().map(|title| title.as_str().unwrap().to_owned()).collect()
}

fn circle(latitude: f64, longitude: f64, radius: f64) -> Json {
    json!({"$geoWithin": {
        "latitudeField": "lat", "longitudeField": "lng",
        "circle": {"center": {"latitude": latitude, "longitude": longitude}, "radius": radius},
    }})
}

fn bounds(south: f64, west: f64, north: f64, east: f64) -> Json {
    json!({"$geoWithin": {"box": {"south": south, "west": west, "north": north, "east": east}}})
}

#[tokio::test]
async fn documents_are_found_by_where_they_are() {
    // QRY-24
    let (server, mut client) = cities().await;
    let paris = |radius| circle(48.8566, 2.3522, radius);
    let ring: Json = [(50.0, -5.0), (50.0, 5.0), (48.0, 5.0), (48.0, -5.0)]
        .map(|(latitude, longitude)| json!({"latitude": latitude, "longitude": longitude}))
        .to_vec()
        .into();
    for (filter, expected) in [
        (paris(1_000.0), vec!["Paris"]),
        (paris(20_000.0), vec!["Paris", "Versailles"]),
        (paris(344_000.0), vec!["London", "Paris", "Versailles"]),
        (paris(343_000.0), vec!["Paris", "Versailles"]),
        (bounds(48.0, 2.0, 49.0, 3.0), vec!["Paris", "Versailles"]),
        // Across the antimeridian.
        (bounds(-30.0, 170.0, 0.0, -170.0), vec!["Apia", "Suva"]),
        (circle(-16.0, 180.0, 1_500_000.0), vec!["Apia", "Suva"]),
        (circle(-89.0, 100.0, 200_000.0), vec!["South Pole"]),
        (json!({"$geoWithin": {"polygon": ring}}), vec!["Paris", "Versailles"]),
        // It goes together with all the rest.
        (json!({"$and": [paris(20_000.0), {"title": {"$startsWith": "V"}}]}), vec!["Versailles"]),
        (json!({"title": "Suva", "$or": [paris(9.0), bounds(-30.0, 170.0, 0.0, 180.0)]}), vec!["Suva"]),
        // Without a position it is neither within nor without.
        (json!({"$not": paris(344_000.0)}), vec!["Apia", "South Pole", "Suva"]),
        (
            json!({"$nor": [paris(1_000.0), {"title": "Suva"}]}),
            vec!["Apia", "London", "South Pole", "Versailles"],
        ),
    ] {
        assert_eq!(titles(&mut client, &filter).await, expected, "{filter}");
        let count = client.get(&format!("{POSTS}/count?query={}", url(&filter.to_string()))).await.json();
        assert_eq!(count, expected.len(), "{filter}");
    }
    let near = Post::LAT_LNG.within(Circle::new(48.8566, 2.3522, 20_000.0));
    let found = Post::find().filter(near & Post::TITLE.ne("Paris")).all(&server.cx).await.unwrap();
    assert_eq!(found.len(), 1);
    let pacific = BoundingBox::new(Point::new(-30.0, 170.0), Point::new(0.0, -170.0));
    assert_eq!(Post::find().filter(Post::LAT_LNG.within(pacific)).count(&server.cx).await.unwrap(), 2);
    let nowhere = Post::LAT_LNG.within(Polygon::new([Point::new(0.0, 0.0), Point::new(1.0, 1.0)]));
    let error = Post::find().filter(nowhere).all(&server.cx).await.unwrap_err();
    assert!(error.is(Code::InvalidQuery), "{error}");
}

#[tokio::test]
async fn positions_follow_their_documents() {
    // QRY-24
    let (server, mut client) = cities().await;
    let paris = circle(48.8566, 2.3522, 1_000.0);
    let put = |filter: &Json| format!("{POSTS}/update?query={}", url(&filter.to_string()));
    let moved = client.put(&put(&paris), &json!({"lat": -13.8, "lng": -171.7})).await;
    assert_eq!(pluck(&moved, "title"), ["Paris"]);
    assert!(titles(&mut client, &paris).await.is_empty());
    let samoa = circle(-13.8333, -171.7667, 10_000.0);
    assert_eq!(titles(&mut client, &samoa).await, ["Apia", "Paris"]);
    client.put(&format!("{POSTS}/update?title=Apia"), &json!({"lat": null})).await;
    assert_eq!(titles(&mut client, &samoa).await, ["Paris"]);
    let deleted = client.delete(&format!("{POSTS}/delete?query={}", url(&samoa.to_string()))).await;
    assert_eq!(pluck(&deleted, "title"), ["Paris"]);
    assert!(titles(&mut client, &samoa).await.is_empty());
    let id = deleted.json()[0]["_id"].as_str().unwrap().to_owned();
    assert_eq!(client.send("POST", &format!("{POSTS}/restore?_id={id}"), &[], b"").await.status, 200);
    assert_eq!(titles(&mut client, &samoa).await, ["Paris"]);
    assert_eq!(Post::clear(&server.cx).await.unwrap(), 8);
    assert!(titles(&mut client, &circle(0.0, 0.0, 3e7)).await.is_empty());
}

#[tokio::test]
async fn a_pair_that_is_none_is_an_error_and_never_nothing() {
    // QRY-24
    let (_server, mut client) = cities().await;
    let within = |members: Json| {
        let mut filter = circle(1.0, 1.0, 1.0);
        for (name, value) in members.as_object().unwrap() {
            filter["$geoWithin"][name] = value.clone();
        }
        filter
    };
    for (filter, says) in [
        (within(json!({"latitudeField": "latt"})), "did you mean `lat`?"),
        (within(json!({"latitudeField": "lng"})), "`lng` of `app/posts` is no `latitudeField`"),
        (within(json!({"longitudeField": "lat"})), "`lat` of `app/posts` is no `longitudeField`"),
        (within(json!({"latitudeField": "stars"})), "is no `latitudeField`"),
        (within(json!({"latitudeField": "secret"})), "has no field `secret`"),
        (within(json!({"latitudeField": 1})), "takes the name of a field"),
        (within(json!({"latitudField": "lat"})), "did you mean `latitudeField`?"),
        (within(json!({"box": {"south": 0, "west": 0, "north": 1, "east": 1}})), "takes one area"),
        (json!({"$geoWithin": {}}), "takes one area"),
        (json!({"$geoWithin": []}), "takes an object, not an array"),
        (json!({"$geoWithn": {}}), "did you mean `$geoWithin`?"),
        (json!({"lat": {"$geoWithin": {}}}), "no operator `$geoWithin` of `lat`"),
    ] {
        let answer = client.get(&format!("{POSTS}/list?query={}", url(&filter.to_string()))).await;
        let message = refused(&answer, "INVALID_QUERY");
        assert!(message.contains(says), "{filter}: {message}");
    }
    let plain = client.post("/app/plain/find", &json!({"query": circle(1.0, 1.0, 1.0)})).await;
    assert!(refused(&plain, "INVALID_QUERY").contains("no position"), "{}", plain.json());
    let trips = |members: Json| {
        let mut within = json!({"box": {"south": 0, "west": 0, "north": 1, "east": 1}});
        within.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        json!({"query": {"$geoWithin": within}})
    };
    let unclear = client.post("/app/trips/find", &trips(json!({}))).await;
    assert!(refused(&unclear, "INVALID_QUERY").contains("several positions"), "{}", unclear.json());
    let crossed = trips(json!({"latitudeField": "fromLat", "longitudeField": "toLng"}));
    let crossed = client.post("/app/trips/find", &crossed).await;
    assert!(refused(&crossed, "INVALID_QUERY").contains("no position"), "{}", crossed.json());
    assert_eq!(client.post("/app/trips/find", &trips(json!({"longitudeField": "toLng"}))).await.status, 200);
}

#[tokio::test]
async fn each_position_of_a_model_has_its_own_index() {
    // QRY-24
    let server = start().await;
    let trip = |from: f64, to: f32| Trip {
        from_lat: from,
        from_lng: from,
        to_lat: to,
        to_lng: Some(to),
        hidden: None,
    };
    Trip::insert_many(&server.cx, vec![trip(1.0, 2.1), trip(2.1, 1.0)]).await.unwrap();
    let two = || BoundingBox::new(Point::new(2.0, 2.0), Point::new(2.2, 2.2));
    let to = Trip::find().filter(Trip::TO_LAT_TO_LNG.within(two())).all(&server.cx).await.unwrap();
    assert_eq!((to.len(), to[0].from_lat), (1, 1.0));
    let from = Trip::find().filter(Trip::FROM_LAT_FROM_LNG.within(two())).all(&server.cx).await.unwrap();
    assert_eq!((from.len(), from[0].to_lat), (1, 1.0));
}

#[tokio::test]
async fn absurd_areas_are_refused() {
    // QRY-24
    let (_server, mut client) = cities().await;
    let point = |latitude: f64| json!({"latitude": latitude, "longitude": 0});
    let polygon = |points: Vec<Json>| json!({"$geoWithin": {"polygon": points}}).to_string();
    let center = "{\"latitude\":0,\"longitude\":0}";
    let circle = |center: &str, radius: &str| {
        format!("{{\"$geoWithin\":{{\"circle\":{{\"center\":{center},\"radius\":{radius}}}}}}}")
    };
    for filter in [
        circle(center, "1e999"),
        circle(center, "NaN"),
        circle(center, "0"),
        circle(center, "-1"),
        circle(center, "\"1\""),
        circle(center, "null"),
        circle("{\"latitude\":91,\"longitude\":0}", "1"),
        circle("{\"latitude\":0,\"longitude\":-181}", "1"),
        circle("{\"latitude\":0}", "1"),
        circle("{\"latitude\":0,\"longitude\":0,\"height\":1}", "1"),
        circle("[0,0]", "1"),
        bounds(1.0, 0.0, 0.0, 1.0).to_string(),
        bounds(0.0, 0.0, 1.0, 200.0).to_string(),
        json!({"$geoWithin": {"box": {"south": 0, "west": 0, "north": 1}}}).to_string(),
        polygon(vec![]),
        polygon(vec![point(1.0), point(2.0)]),
        polygon(vec![point(1.0), point(2.0), point(1.0)]),
        polygon(vec![point(1.0), point(2.0), json!(3)]),
        polygon((0..1_002).map(|n| point(f64::from(n) / 100.0)).collect()),
        polygon(vec![point(0.0); 6_000]),
    ] {
        let body = format!("{{\"query\":{filter}}}");
        let headers = [("content-type", "application/json")];
        let answer = client.send("POST", &format!("{POSTS}/find"), &headers, body.as_bytes()).await;
        typed(&filter, &answer);
        assert_eq!(answer.status, 400, "{filter:.200}");
    }
    // The largest ones are only large.
    let ring: Vec<Json> = (0..1_000)
        .map(|n| f64::from(n) / 1_000.0 * std::f64::consts::TAU)
        .map(|angle| json!({"latitude": 89.0 * angle.sin(), "longitude": 179.0 * angle.cos()}))
        .collect();
    assert_eq!(
        client
            .post(&format!("{POSTS}/find"), &json!({"query": {"$geoWithin": {"polygon": ring}}}))
            .await
            .status,
        200
    );
    let all = client
        .post(
            &format!("{POSTS}/find"),
            &json!({"query": json!({"$geoWithin": {"circle": {"center": point(0.0), "radius": 1e300}}})}),
        )
        .await;
    assert_eq!(all.json().as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn positions_are_described() {
    // QRY-24
    let (_server, mut client) = cities().await;
    let metadata = client.get("/@metadata").await.json();
    let models = metadata["models"].as_array().unwrap();
    let posts = models.iter().find(|model| model["path"] == "app/posts").unwrap();
    assert_eq!(posts["geo"], json!([{"latitude": "lat", "longitude": "lng"}]));
    let api = client.get("/@openapi.json").await.json();
    let schemas = &api["components"]["schemas"];
    let within = &schemas["PostsFilter"]["properties"]["$geoWithin"];
    assert_eq!(within["oneOf"].as_array().unwrap().len(), 3);
    assert!(schemas["PlainFilter"]["properties"]["$geoWithin"].is_null());
    let shape = Post::descriptor().shape();
    let pages = Filter::parse(shape, &bounds(0.0, 0.0, 1.0, 1.0), Access::Full).unwrap();
    assert!(matches!(pages, Filter::Within(_)));
}

#[tokio::test]
async fn pages_go_through_an_area_with_a_cursor_of_their_own() {
    // QRY-24 QRY-14
    let (_server, mut client) = cities().await;
    let page = |filter: &Json, after: &str| {
        format!("{POSTS}/paginate?count=1&sort=title&query={}&after={after}", url(&filter.to_string()))
    };
    let (near, far) = (circle(48.8566, 2.3522, 20_000.0), circle(48.8566, 2.3522, 344_000.0));
    let first = client.get(&page(&near, "")).await.json();
    assert_eq!(first["records"][0]["title"], "Paris");
    let next = first["nextCursor"].as_str().unwrap();
    refused(&client.get(&page(&far, next)).await, "INVALID_CURSOR");
    assert_eq!(client.get(&page(&near, next)).await.json()["records"][0]["title"], "Versailles");
}

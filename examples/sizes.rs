use modeller::engine::{Call, Operation};
use modeller::prelude::*;
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
struct Note {
    text: String,
}
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let engine = App::isolated().models::<(Note,)>().engine().await.unwrap();
    let shape = engine.registry().models()[0];
    let call = Call::new(Operation::Get, shape);
    println!("Call {}", std::mem::size_of_val(&call));
    let cx = engine.cx();
    println!("Cx {}", std::mem::size_of_val(&cx));
    println!("engine.call {}", std::mem::size_of_val(&engine.call(call)));
    println!("cx.call {}", std::mem::size_of_val(&cx.call(Call::new(Operation::Get, shape))));
    println!("Error {}", std::mem::size_of::<modeller::Error>());
    println!("Select {}", std::mem::size_of::<modeller::query::Select>());
    println!("Filter {}", std::mem::size_of::<modeller::query::Filter>());
    println!("Work {}", std::mem::size_of::<modeller::store::Work>());
    let w = modeller::store::Work {
        steps: Box::new(|_| Box::pin(async { Ok(Box::new(()) as modeller::store::Answer) })),
        single: true,
        actor: None,
    };
    println!("store.write {}", std::mem::size_of_val(&engine.store().write(w)));
    println!("insert {}", std::mem::size_of_val(&Note::insert(&cx, Note { text: "".into() })));
}

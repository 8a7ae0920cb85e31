#[modeller::job(User, attempts = 7, backoff = "2s", timeout = "5m", cron = "0 3 * * *", name = "nightly")]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct CleanUp {}

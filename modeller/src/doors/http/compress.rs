//! Answers in gzip, for bodies where it pays and clients that take it.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Smaller bodies fit into one packet anyway.
pub(super) const WORTH: usize = 1024;

/// How much is compressed before others get their turn on this thread: about a millisecond's work.
const TURN: usize = 64 * 1024;

/// The body in gzip. `None` if that is not smaller.
pub(super) async fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    for (turn, chunk) in body.chunks(TURN).enumerate() {
        if turn > 0 {
            tokio::task::yield_now().await;
        }
        encoder.write_all(chunk).ok()?;
    }
    let compressed = encoder.finish().ok()?;
    (compressed.len() < body.len()).then_some(compressed)
}

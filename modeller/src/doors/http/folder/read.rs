//! A file as the body of an answer: read piece by piece as the caller takes it up.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, ReadBuf};

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// So many bytes of a file, from where it stands. If the file ends before, which was promised longer, the connection has to
/// end as well; what the file grows by meanwhile is not sent.
pub(super) struct FileBody {
    file: tokio::fs::File,
    left: u64,
    piece: Vec<u8>,
}

impl FileBody {
    /// The first bytes.
    pub(super) fn new(file: File, length: u64) -> Self {
        let mut file = tokio::fs::File::from_std(file);
        file.set_max_buf_size(PIECE);
        FileBody { file, left: length, piece: Vec::new() }
    }

    /// Bytes from the middle.
    pub(super) fn part(mut file: File, first: u64, length: u64) -> io::Result<Self> {
        // This only moves a number; nothing is read.
        file.seek(SeekFrom::Start(first))?;
        Ok(Self::new(file, length))
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        if self.piece.is_empty() {
            self.piece = vec![0; usize::try_from(self.left).unwrap_or(PIECE).min(PIECE)];
        }
        let mut buffer = ReadBuf::new(&mut self.piece);
        ready!(Pin::new(&mut self.file).poll_read(context, &mut buffer))?;
        let read = buffer.filled().len();
        if read == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut piece = std::mem::take(&mut self.piece);
        piece.truncate(read);
        self.left -= read as u64;
        Poll::Ready(Ok(piece.into()))
    }
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = ready!(self.poll_piece(context));
        if piece.is_err() {
            self.left = 0;
        }
        Poll::Ready(Some(piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::path::PathBuf;

    /// A file that is gone with the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str, length: usize) -> Self {
            let path = std::env::temp_dir().join(format!("modeller-read-{}-{name}", std::process::id()));
            std::fs::write(&path, vec![7; length]).unwrap();
            Scratch(path)
        }

        fn open(&self) -> File {
            File::open(&self.0).unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            drop(std::fs::remove_file(&self.0));
        }
    }

    async fn next(body: &mut FileBody) -> Option<io::Result<Bytes>> {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
        Some(frame.map(|frame| frame.into_data().unwrap()))
    }

    #[tokio::test]
    async fn a_file_is_read_in_pieces_of_bounded_size() {
        let file = Scratch::new("pieces", 1_000_000);
        let mut body = FileBody::new(file.open(), 1_000_000);
        let mut total = 0;
        while let Some(piece) = next(&mut body).await {
            let piece = piece.unwrap();
            assert!(!piece.is_empty() && piece.len() <= PIECE && piece.iter().all(|&byte| byte == 7));
            total += piece.len() as u64;
            assert_eq!(body.size_hint().exact(), Some(1_000_000 - total));
        }
        assert_eq!(total, 1_000_000);
        assert!(body.is_end_stream());
    }

    #[tokio::test]
    async fn a_file_that_shrinks_breaks_off_and_one_that_grows_does_not_go_on() {
        let file = Scratch::new("shrinks", 10);
        let mut body = FileBody::new(file.open(), 20);
        assert_eq!(next(&mut body).await.unwrap().unwrap().len(), 10);
        assert_eq!(next(&mut body).await.unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(next(&mut body).await.is_none());
        let mut body = FileBody::part(file.open(), 3, 4).unwrap();
        assert_eq!(next(&mut body).await.unwrap().unwrap().len(), 4);
        assert!(next(&mut body).await.is_none());
    }
}

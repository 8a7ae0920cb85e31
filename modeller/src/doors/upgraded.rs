//! What is left of a connection once HTTP has let go of it, for the protocol that comes next.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::stream::{Stream, poll_write_joined};

/// What bytes go to and come from.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A connection that belongs to another protocol than HTTP.
pub(super) struct Pipe {
    /// What HTTP has read already, and is for whoever comes next; none once that is read, for it lies in all that HTTP has read.
    read: Option<Bytes>,
    io: Inner,
}

/// What it goes through.
enum Inner {
    /// The network itself: whatever HTTP had around it is not looked at for each of the very many who are told something.
    Tcp(TcpStream),
    /// What somebody else's server has.
    Other(Box<dyn Io>),
}

impl Pipe {
    /// Over whatever it is.
    pub(super) fn over(io: impl Io) -> Self {
        Pipe { read: None, io: Inner::Other(Box::new(io)) }
    }

    /// Whether nothing is between it and the network.
    #[cfg(test)]
    pub(super) fn is_bare(&self) -> bool {
        matches!(self.io, Inner::Tcp(_))
    }
}

impl From<Upgraded> for Pipe {
    fn from(upgraded: Upgraded) -> Self {
        match upgraded.downcast::<TokioIo<Stream>>() {
            Ok(parts) => {
                let read = Some(parts.read_buf).filter(|read| !read.is_empty());
                Pipe { read, io: Inner::Tcp(parts.io.into_inner().into_tcp()) }
            }
            Err(upgraded) => Pipe::over(TokioIo::new(upgraded)),
        }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(mut read) = self.read.take() {
            let length = read.len().min(buffer.remaining());
            buffer.put_slice(&read[..length]);
            read.advance(length);
            self.read = Some(read).filter(|rest| !rest.is_empty());
            return Poll::Ready(Ok(()));
        }
        match &mut self.io {
            Inner::Tcp(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Inner::Other(io) => Pin::new(io).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Inner::Tcp(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Inner::Other(io) => Pin::new(io).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Inner::Tcp(tcp) => poll_write_joined(tcp, context, slices),
            Inner::Other(io) => Pin::new(io).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Inner::Tcp(tcp) => tcp.is_write_vectored(),
            Inner::Other(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Inner::Tcp(tcp) => Pin::new(tcp).poll_flush(context),
            Inner::Other(io) => Pin::new(io).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Inner::Tcp(tcp) => Pin::new(tcp).poll_shutdown(context),
            Inner::Other(io) => Pin::new(io).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_was_read_before_comes_first_however_little_is_taken() {
        let (mut client, server) = duplex(64);
        let mut pipe = Pipe::over(server);
        pipe.read = Some("what came with the handshake, ".into());
        client.write_all(b"and what came later").await.unwrap();
        drop(client);
        let (mut all, mut some) = (Vec::new(), [0; 7]);
        loop {
            match pipe.read(&mut some).await.unwrap() {
                0 => break,
                count => all.extend_from_slice(&some[..count]),
            }
        }
        assert_eq!(String::from_utf8(all).unwrap(), "what came with the handshake, and what came later");
        assert!(pipe.read.is_none());
    }
}

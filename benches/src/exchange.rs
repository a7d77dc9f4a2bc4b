//! Single requests, for preparing a measurement. Blocking, one connection each.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::Trouble;

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Headers, in their order.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON, if the status is this one.
    ///
    /// # Errors
    /// When it is another one, or the body is not JSON.
    pub fn json(&self, status: u16) -> Result<Value, Trouble> {
        if self.status != status {
            return Err(format!("{}: {}", self.status, String::from_utf8_lossy(&self.body)).into());
        }
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// Sends a GET.
///
/// # Errors
/// When no HTTP answer comes.
pub fn get(address: SocketAddr, path: &str, token: Option<&str>) -> Result<Reply, Trouble> {
    let credential = token
        .map(|token| format!("authorization: Bearer {token}\r\n"))
        .unwrap_or_default();
    exchange(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{credential}\r\n"),
    )
}

/// Sends a POST of JSON.
///
/// # Errors
/// When no HTTP answer comes.
pub fn post(address: SocketAddr, path: &str, body: &Value) -> Result<Reply, Trouble> {
    let body = body.to_string();
    let length = body.len();
    exchange(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        ),
    )
}

fn exchange(address: SocketAddr, request: &str) -> Result<Reply, Trouble> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .ok_or("the answer has no head")?;
    let head = std::str::from_utf8(&bytes[..end])?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .ok_or("the answer has no status")?
        .parse()?;
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or("a header line has no colon")?;
        headers.push((name.parse()?, value.trim().parse()?));
    }
    Ok(Reply {
        status,
        headers,
        body: bytes[end + 4..].to_vec(),
    })
}

//! Writing one log line: a JSON object in one line, bounded, without a raw control character.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};
use wisdom_core::time::Timestamp;

/// Bytes of a log line at most, with its line end.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// Bytes of one text in a line, before escaping; the rest is cut.
const MAX_TEXT_BYTES: usize = 2 * 1024;

const SERVICE: &str = "wisdom-server";

/// The shape of every line.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) timestamp: Timestamp,
    pub(crate) level: &'static str,
    service: &'static str,
    pub(crate) trace_id: Option<String>,
    pub(crate) message: String,
    pub(crate) context: Map<String, Value>,
}

impl Line {
    pub(crate) fn new(timestamp: Timestamp, level: &'static str) -> Self {
        Self {
            timestamp,
            level,
            service: SERVICE,
            trace_id: None,
            message: String::new(),
            context: Map::new(),
        }
    }

    /// Keeps a text for the context, cut to its bound.
    pub(crate) fn note(&mut self, name: &str, mut text: String) {
        cut(&mut text, MAX_TEXT_BYTES);
        self.context.insert(name.to_owned(), Value::String(text));
    }

    /// The line with its end.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        cut(&mut self.message, MAX_TEXT_BYTES);
        let mut text = self.text();
        if text.len() >= MAX_LINE_BYTES {
            self.context = Map::from_iter([("truncated".to_owned(), Value::Bool(true))]);
            text = self.text();
        }
        text.push('\n');
        text.into_bytes()
    }

    fn text(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned());
        if text.chars().any(is_hidden) {
            escape(&text)
        } else {
            text
        }
    }
}

/// What JSON may hold raw and a terminal or a line reader acts on: DEL, C1 controls, U+2028, U+2029 and the marks that
/// turn the direction of text. Inside JSON they only ever stand in strings.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        if is_hidden(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(message: &str, notes: usize) -> String {
        let mut line = Line::new(Timestamp::EPOCH, "INFO");
        line.message = message.to_owned();
        for n in 0..notes {
            line.note(&format!("note{n}"), message.to_owned());
        }
        String::from_utf8(line.finish()).unwrap()
    }

    #[test]
    fn a_line_is_one_json_object_in_the_agreed_shape() {
        let line = written("hello", 1);
        assert_eq!(
            line,
            "{\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"INFO\",\"service\":\"wisdom-server\",\
             \"trace_id\":null,\"message\":\"hello\",\"context\":{\"note0\":\"hello\"}}\n"
        );
    }

    #[test]
    fn nothing_in_it_breaks_the_line_or_the_terminal() {
        let nasty = "a\r\nb\u{1b}[31m\u{0}\u{7f}\u{85}\u{9b}\u{2028}\u{2029}\u{202e}\u{feff}\"\\";
        let line = written(nasty, 1);
        let body = line.strip_suffix('\n').unwrap();
        assert!(!body.chars().any(|c| c.is_control() || is_hidden(c)), "{body:?}");
        let read: Value = serde_json::from_str(body).unwrap();
        assert_eq!(read["message"], nasty);
    }

    #[test]
    fn a_line_is_bounded_and_stays_json() {
        for (text, notes) in [
            ("x".repeat(1 << 20), 1),
            ("\u{1}".repeat(1 << 20), 30),
            ("é".repeat(5000), 40),
        ] {
            let line = written(&text, notes);
            assert!(line.len() <= MAX_LINE_BYTES, "{}", line.len());
            assert!(serde_json::from_str::<Value>(&line).is_ok());
        }
    }
}

//! The log: every `tracing` event as one line of JSON.

use std::fmt;
use std::io::Write;
use std::sync::Mutex;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use wisdom_core::clock::{Clock, SystemClock};

use super::REQUEST;
use super::line::Line;

/// Fields of one event at most; more are passed over.
const MAX_FIELDS: usize = 32;

/// A layer that writes `{timestamp, level, service, trace_id, message, context}` lines.
///
/// `trace_id` is that of the request the task works for, or that of a span with a field of this name. `context` holds
/// the event's fields, those of the spans around it, and `target`.
pub struct JsonLog<W> {
    clock: SystemClock,
    out: Mutex<W>,
}

impl<W> fmt::Debug for JsonLog<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLog").finish_non_exhaustive()
    }
}

impl<W: Write> JsonLog<W> {
    /// A log that writes there. A line is one call of `write_all`.
    pub fn to(out: W) -> Self {
        Self {
            clock: SystemClock,
            out: Mutex::new(out),
        }
    }
}

/// The fields of a span, kept for the lines written inside.
struct Fields(Vec<(&'static str, Value)>);

impl<S, W> Layer<S> for JsonLog<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut collected = Collect(Vec::new());
            attributes.record(&mut collected);
            span.extensions_mut().insert(Fields(collected.0));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut line = Line::new(self.clock.now(), metadata.level().as_str());
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(Fields(fields)) = span.extensions().get() {
                for (name, value) in fields {
                    put(&mut line, name, value.clone());
                }
            }
        }
        let mut collected = Collect(Vec::new());
        event.record(&mut collected);
        for (name, value) in collected.0 {
            put(&mut line, name, value);
        }
        line.note("target", metadata.target().to_owned());
        if let Ok(trace) = REQUEST.try_with(|request| request.trace.trace_id_hex().to_string()) {
            line.trace_id = Some(trace);
        }
        let bytes = line.finish();
        // A log that cannot be written must not stop the service.
        if let Ok(mut out) = self.out.lock() {
            let _ = out.write_all(&bytes);
        }
    }
}

fn put(line: &mut Line, name: &str, value: Value) {
    match (name, value) {
        ("message", Value::String(text)) => line.message = text,
        ("trace_id", Value::String(text)) => line.trace_id = Some(text),
        (name, Value::String(text)) => line.note(name, text),
        (name, value) => {
            line.context.insert(name.to_owned(), value);
        }
    }
}

struct Collect(Vec<(&'static str, Value)>);

impl Collect {
    fn keep(&mut self, field: &Field, value: Value) {
        if self.0.len() < MAX_FIELDS {
            self.0.push((field.name(), value));
        }
    }
}

impl Visit for Collect {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, Value::from(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, Value::from(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.keep(field, Value::from(super::chain(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.keep(field, Value::from(format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn fields_of_event_and_spans_are_context() {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::registry().with(JsonLog::to(kept.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("outer", trace_id = "abc", operation = "auth.me");
            let _entered = span.enter();
            tracing::warn!(count = 3, text = "x\ny", "something {}", "happened");
        });
        let bytes = kept.0.lock().unwrap().clone();
        let line: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "something happened");
        assert_eq!(line["trace_id"], "abc");
        assert_eq!(line["context"]["operation"], "auth.me");
        assert_eq!(line["context"]["count"], 3);
        assert_eq!(line["context"]["text"], "x\ny");
        assert_eq!(String::from_utf8(bytes).unwrap().lines().count(), 1);
    }
}

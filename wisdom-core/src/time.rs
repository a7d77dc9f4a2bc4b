//! Points in time, to the microsecond.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::deserialize_text;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A point in time: microseconds since 1970-01-01T00:00:00Z without leap seconds, in the years 1 to 9999.
///
/// Microseconds because that is what both databases keep: a value reads back equal to what was written. The text form
/// is [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339) in UTC with six fraction digits, so texts sort as times do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// 0001-01-01T00:00:00Z, the earliest.
    pub const MIN: Self = Self(-62_135_596_800 * MICROS_PER_SECOND);
    /// 9999-12-31T23:59:59.999999Z, the latest.
    pub const MAX: Self = Self(253_402_300_800 * MICROS_PER_SECOND - 1);

    /// From microseconds since the Unix epoch; `None` outside the years 1 to 9999.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros < Self::MIN.0 || micros > Self::MAX.0 {
            None
        } else {
            Some(Self(micros))
        }
    }

    /// From microseconds since the Unix epoch; [`MIN`](Self::MIN) or [`MAX`](Self::MAX) outside the years 1 to 9999.
    #[must_use]
    pub fn from_micros_saturating(micros: i64) -> Self {
        Self(micros.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Microseconds since the Unix epoch, negative before it.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// From whole seconds since the Unix epoch; `None` outside the years 1 to 9999.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Option<Self> {
        match seconds.checked_mul(MICROS_PER_SECOND) {
            Some(micros) => Self::from_micros(micros),
            None => None,
        }
    }

    /// Whole seconds since the Unix epoch, rounded down (as a JWT `NumericDate` has it).
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// The time this much later, at most [`MAX`](Self::MAX). Nanoseconds below a microsecond are dropped.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self::from_micros_saturating(self.0.saturating_add(whole_micros(duration)))
    }

    /// The time this much earlier, at least [`MIN`](Self::MIN). Nanoseconds below a microsecond are dropped.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self::from_micros_saturating(self.0.saturating_sub(whole_micros(duration)))
    }

    /// How long ago `earlier` was at this time; zero when it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn whole_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Timestamp {
    /// The text, without allocation and formatter.
    fn text(self) -> Result<[u8; 27], fmt::Error> {
        let moment = OffsetDateTime::from_unix_timestamp(self.unix_seconds()).map_err(|_| fmt::Error)?;
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        write_digits(&mut text[0..4], moment.year().unsigned_abs());
        write_digits(&mut text[5..7], u32::from(u8::from(moment.month())));
        write_digits(&mut text[8..10], u32::from(moment.day()));
        write_digits(&mut text[11..13], u32::from(moment.hour()));
        write_digits(&mut text[14..16], u32::from(moment.minute()));
        write_digits(&mut text[17..19], u32::from(moment.second()));
        let fraction = u32::try_from(self.0.rem_euclid(MICROS_PER_SECOND)).map_err(|_| fmt::Error)?;
        write_digits(&mut text[20..26], fraction);
        Ok(text)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text()?;
        formatter.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// Writes the number right-aligned over places that hold zeros.
fn write_digits(places: &mut [u8], mut number: u32) {
    for place in places.iter_mut().rev() {
        *place = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
}

/// A text is not an RFC 3339 date and time with offset, or lies outside the years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 date and time with offset, such as 2026-01-31T12:00:00Z")]
pub struct TimestampError;

/// Longest text looked at: far more fraction digits than anyone sends.
const MAX_TEXT_LENGTH: usize = 64;

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Takes any offset and any number of fraction digits; what is below a microsecond is cut off. A leap second
    /// becomes the last microsecond before it.
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        // The parser behind this takes any separator and ends at any length; RFC 3339 section 5.6 has only T.
        let separator = text.as_bytes().get(10);
        if text.len() > MAX_TEXT_LENGTH || !matches!(separator, Some(b'T' | b't')) {
            return Err(TimestampError);
        }
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimestampError)?;
        let micros = moment.unix_timestamp_nanos().div_euclid(1000);
        i64::try_from(micros)
            .ok()
            .and_then(Self::from_micros)
            .ok_or(TimestampError)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text().map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(std::str::from_utf8(&text).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, "an RFC 3339 date and time")
    }
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn text_has_six_fraction_digits_and_z() {
        assert_eq!(Timestamp::EPOCH.to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
        let before_epoch = Timestamp::from_micros(-1).unwrap();
        assert_eq!(before_epoch.to_string(), "1969-12-31T23:59:59.999999Z");
        assert_eq!(
            Timestamp::from_micros(1_767_225_600_000_042).unwrap().to_string(),
            "2026-01-01T00:00:00.000042Z"
        );
    }

    #[test]
    fn text_with_any_offset_and_precision_is_read() {
        for (text, micros) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:00:00z", 0),
            ("1970-01-01T02:00:00+02:00", 0),
            ("1969-12-31T18:30:00.5-05:30", 500_000),
            ("1970-01-01T00:00:00.1234569Z", 123_456),
            ("1969-12-31T23:59:59.9999999Z", -1),
            ("2016-12-31T23:59:60Z", 1_483_228_799_999_999),
        ] {
            assert_eq!(at(text).as_micros(), micros, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "now",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00Z ",
            "2026-01-01T00:00:00.Z",
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "+2026-01-01T00:00:00Z",
            "2026-01-01é00:00:00Z",
            "2026-01-01T00:00:00.0000000000000000000000000000000000000000000000000000000Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text:?}");
        }
    }

    #[test]
    fn the_range_is_kept() {
        assert_eq!(Timestamp::from_micros(Timestamp::MAX.as_micros() + 1), None);
        assert_eq!(Timestamp::from_micros(Timestamp::MIN.as_micros() - 1), None);
        assert_eq!(Timestamp::from_micros_saturating(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_micros_saturating(i64::MIN), Timestamp::MIN);
        assert_eq!(Timestamp::from_unix_seconds(i64::MAX), None);
        assert_eq!(Timestamp::MAX.saturating_add(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.saturating_sub(Duration::MAX), Timestamp::MIN);
        assert_eq!(Timestamp::EPOCH.saturating_sub(Duration::MAX), Timestamp::MIN);
    }

    #[test]
    fn seconds_round_down_and_differences_do_not_go_below_zero() {
        assert_eq!(Timestamp::from_micros(-1).unwrap().unix_seconds(), -1);
        assert_eq!(Timestamp::from_unix_seconds(7).unwrap().unix_seconds(), 7);
        let later = Timestamp::EPOCH.saturating_add(Duration::from_nanos(1_999));
        assert_eq!(later.as_micros(), 1);
        assert_eq!(later.since(Timestamp::EPOCH), Duration::from_micros(1));
        assert_eq!(Timestamp::EPOCH.since(later), Duration::ZERO);
        assert_eq!(Timestamp::MAX.since(Timestamp::MIN).as_secs(), 315_537_897_599);
    }

    #[test]
    fn json_is_the_text() {
        let json = serde_json::to_string(&Timestamp::EPOCH).unwrap();
        assert_eq!(json, "\"1970-01-01T00:00:00.000000Z\"");
        assert_eq!(
            serde_json::from_str::<Timestamp>(&json).unwrap(),
            Timestamp::EPOCH
        );
        assert!(serde_json::from_str::<Timestamp>("0").is_err());
    }

    proptest! {
        #[test]
        fn text_round_trips_and_sorts_as_the_time_does(
            left in Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros(),
            right in Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros(),
        ) {
            let (left, right) = (Timestamp(left), Timestamp(right));
            prop_assert_eq!(at(&left.to_string()), left);
            prop_assert_eq!(left.cmp(&right), left.to_string().cmp(&right.to_string()));
        }
    }
}

//! Messages as values: JSON, with bounds on depth and size, and no key twice.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::fmt;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Deepest nesting.
const DEPTH: usize = 24;
/// Most values in one message.
const VALUES: usize = 4096;

/// A JSON value. Whole numbers that fit are kept exactly.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Json>),
    Map(BTreeMap<String, Json>),
}

impl Json {
    /// Reads a message; none if it is not JSON, or too deep, too large or ambiguous.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut left = VALUES;
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let part = Part {
            left: &mut left,
            depth: DEPTH,
        };
        let value = part.deserialize(&mut reader).ok()?;
        reader.end().ok()?;
        Some(value)
    }
}

struct Part<'a> {
    left: &'a mut usize,
    depth: usize,
}

impl Part<'_> {
    fn inner<E: Error>(&mut self) -> Result<Part<'_>, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("too deep"))?;
        Ok(Part { left: self.left, depth })
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Json;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        *self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| D::Error::custom("too many values"))?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Json;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Int(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::Float(value as f64), Json::Int))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner()?)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut items: A) -> Result<Json, A::Error> {
        let mut map = BTreeMap::new();
        while let Some(key) = items.next_key::<String>()? {
            let value = items.next_value_seed(self.inner()?)?;
            // Readers differ in which of two they take; so nobody takes either.
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("a key comes twice"));
            }
        }
        Ok(Json::Map(map))
    }
}

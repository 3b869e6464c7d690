//! Values of components as JSON, and back, by their shapes. Nothing here knows a method.

use hedgerow_api::doc::shape::{Field, Shape};
use serde_json::{Map, Number, Value};
use wasmtime::component::Val;

/// What each value counts for beside its text.
const EACH: usize = 8;

/// Bytes that may still be converted.
pub(super) struct Room(usize);

impl Room {
    pub(super) const fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    fn take(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.0.checked_sub(bytes.saturating_add(EACH));
        self.0 = left.ok_or("it is too large")?;
        Ok(())
    }

    /// Bytes that were converted of `whole`.
    pub(super) const fn used(&self, whole: usize) -> usize {
        whole - self.0
    }
}

/// Parameters as a JSON object. Options that are empty are left out.
pub(super) fn params(fields: &[Field], values: &[Val], room: &mut Room) -> Result<Value, String> {
    let mut object = Map::new();
    for (field, value) in fields.iter().zip(values) {
        put(&mut object, field, value, room)?;
    }
    Ok(Value::Object(object))
}

fn put(object: &mut Map<String, Value>, field: &Field, value: &Val, room: &mut Room) -> Result<(), String> {
    if !matches!(value, Val::Option(None)) {
        let value = to_json(&field.shape, value, room).map_err(|e| format!("{}: {e}", field.label))?;
        object.insert(field.name.clone(), value);
    }
    Ok(())
}

/// A value of a component as JSON.
///
/// # Errors
/// When it is too large, a text is no JSON, or a number is none that JSON has.
pub(super) fn to_json(shape: &Shape, value: &Val, room: &mut Room) -> Result<Value, String> {
    room.take(0)?;
    Ok(match (shape, value) {
        (Shape::Bool, Val::Bool(is)) => Value::Bool(*is),
        (Shape::Unsigned(_), Val::U8(n)) => Value::from(*n),
        (Shape::Unsigned(_), Val::U16(n)) => Value::from(*n),
        (Shape::Unsigned(_), Val::U32(n)) => Value::from(*n),
        (Shape::Unsigned(_), Val::U64(n)) => Value::from(*n),
        (Shape::Float, Val::Float64(n)) => Value::Number(Number::from_f64(*n).ok_or("it is no number")?),
        (Shape::Text, Val::String(text)) => {
            room.take(text.len())?;
            Value::String(text.clone())
        }
        (Shape::Json, Val::String(text)) => {
            room.take(text.len())?;
            // Deeper than 128 is refused by the parser.
            serde_json::from_str(text).map_err(|e| format!("it is no JSON: {e}"))?
        }
        (Shape::List(of), Val::List(values)) => {
            let values = values.iter().map(|value| to_json(of, value, room));
            Value::Array(values.collect::<Result<_, _>>()?)
        }
        (Shape::Pairs(of), Val::List(pairs)) => {
            let mut object = Map::new();
            for pair in pairs {
                let Val::Tuple(pair) = pair else {
                    return Err(OTHER.into());
                };
                let [Val::String(key), value] = &pair[..] else {
                    return Err(OTHER.into());
                };
                room.take(key.len())?;
                object.insert(key.clone(), to_json(of, value, room)?);
            }
            Value::Object(object)
        }
        (Shape::Option(_), Val::Option(None)) => Value::Null,
        (Shape::Option(of), Val::Option(Some(value))) => to_json(of, value, room)?,
        (Shape::Record(record), Val::Record(values)) => {
            let mut object = Map::new();
            for (field, (_, value)) in record.fields.iter().zip(values) {
                put(&mut object, field, value, room)?;
            }
            Value::Object(object)
        }
        (Shape::Enum(one), Val::Enum(label)) => {
            let case = one.cases.iter().find(|(_, l)| l == label);
            Value::String(case.ok_or(OTHER)?.0.clone())
        }
        _ => return Err(OTHER.into()),
    })
}

/// Both sides were compared when the component was loaded, so this means a mistake of ours.
const OTHER: &str = "it has another type than it should";

/// JSON as a value for a component.
///
/// # Errors
/// When it is too large, or does not fit the shape.
pub(super) fn to_val(shape: &Shape, value: &Value, room: &mut Room) -> Result<Val, String> {
    room.take(0)?;
    Ok(match (shape, value) {
        (Shape::Option(_), Value::Null) => Val::Option(None),
        (Shape::Option(of), value) => Val::Option(Some(Box::new(to_val(of, value, room)?))),
        (Shape::Json, value) => {
            let text = value.to_string();
            room.take(text.len())?;
            Val::String(text)
        }
        (Shape::Bool, Value::Bool(is)) => Val::Bool(*is),
        (Shape::Unsigned(bits), Value::Number(n)) => unsigned(*bits, n)?,
        (Shape::Float, Value::Number(n)) => Val::Float64(n.as_f64().ok_or(OTHER)?),
        (Shape::Text, Value::String(text)) => {
            room.take(text.len())?;
            Val::String(text.clone())
        }
        (Shape::List(of), Value::Array(values)) => {
            let values = values.iter().map(|value| to_val(of, value, room));
            Val::List(values.collect::<Result<_, _>>()?)
        }
        (Shape::Pairs(of), Value::Object(object)) => {
            let pairs = object.iter().map(|(key, value)| {
                room.take(key.len())?;
                Ok::<_, String>(Val::Tuple(vec![Val::String(key.clone()), to_val(of, value, room)?]))
            });
            Val::List(pairs.collect::<Result<_, _>>()?)
        }
        (Shape::Record(record), Value::Object(object)) => {
            let fields = record.fields.iter().map(|field| {
                let value = object.get(&field.name).unwrap_or(&Value::Null);
                let value = to_val(&field.shape, value, room).map_err(|e| format!("{}: {e}", field.label))?;
                Ok::<_, String>((field.label.clone(), value))
            });
            Val::Record(fields.collect::<Result<_, _>>()?)
        }
        (Shape::Enum(one), Value::String(name)) => {
            let case = one.cases.iter().find(|(n, _)| n == name);
            let case = case.ok_or("it is something that the component does not know")?;
            Val::Enum(case.1.clone())
        }
        _ => return Err(OTHER.into()),
    })
}

/// JSON as a component is told it, and back, with so many bytes of room each way: for `fuzz/`.
///
/// # Errors
/// As [`to_val`] and [`to_json`].
pub fn there_and_back(shape: &Shape, value: &Value, bytes: usize) -> Result<Value, String> {
    let told = to_val(shape, value, &mut Room::new(bytes))?;
    to_json(shape, &told, &mut Room::new(bytes))
}

fn unsigned(bits: u8, n: &Number) -> Result<Val, String> {
    let n = n.as_u64().ok_or(OTHER)?;
    let val = match bits {
        8 => u8::try_from(n).ok().map(Val::U8),
        16 => u16::try_from(n).ok().map(Val::U16),
        32 => u32::try_from(n).ok().map(Val::U32),
        _ => Some(Val::U64(n)),
    };
    val.ok_or_else(|| "it is too great a number".to_owned())
}

#[cfg(test)]
mod tests;

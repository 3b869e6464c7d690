//! What an expression says of a message. Texts are never copied, and every step is counted.

use super::{Comparison, Operation, Part, STEPS, TextTest};
use crate::rules::json::Json;
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::cmp::Ordering;

/// A value in the course of the evaluation.
#[derive(Clone, Debug)]
enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    List(&'a [Json]),
    Map(&'a BTreeMap<String, Json>),
    Items(Vec<Value<'a>>),
}

type Found<'a> = Result<Value<'a>, &'static str>;

struct Evaluation<'a> {
    message: &'a Json,
    signer: Option<&'a str>,
    bytes: i64,
    names: Vec<(&'a str, Value<'a>)>,
    left: u32,
}

/// Whether an expression holds for a message.
pub(super) fn holds(part: &Part, message: &Json, signer: Option<&str>, bytes: usize) -> Result<bool, &'static str> {
    let mut evaluation = Evaluation {
        message,
        signer,
        bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        names: Vec::new(),
        left: STEPS,
    };
    evaluation.truth(part)
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Self {
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Int(value) => Value::Int(*value),
            Json::Float(value) => Value::Float(*value),
            Json::Text(value) => Value::Text(value),
            Json::List(value) => Value::List(value),
            Json::Map(value) => Value::Map(value),
        }
    }
}

impl<'a> Evaluation<'a> {
    fn spend(&mut self, steps: usize) -> Result<(), &'static str> {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.left = self.left.checked_sub(steps).ok_or("it takes too many steps")?;
        Ok(())
    }

    fn truth(&mut self, part: &'a Part) -> Result<bool, &'static str> {
        match self.value(part)? {
            Value::Bool(truth) => Ok(truth),
            _ => Err("a condition is neither true nor false"),
        }
    }

    fn value(&mut self, part: &'a Part) -> Found<'a> {
        self.spend(1)?;
        Ok(match part {
            Part::Null => Value::Null,
            Part::Bool(value) => Value::Bool(*value),
            Part::Int(value) => Value::Int(*value),
            Part::Float(value) => Value::Float(*value),
            Part::Text(value) => Value::Text(value),
            Part::List(parts) => Value::Items(parts.iter().map(|part| self.value(part)).collect::<Result<_, _>>()?),
            Part::Name(name) => self.named(name)?,
            Part::Field(of, name) => {
                let of = self.value(of)?;
                field(&of, name)?.ok_or("a field is missing")?
            }
            Part::Index(of, index) => self.index(of, index)?,
            Part::Not(of) => Value::Bool(!self.truth(of)?),
            Part::Minus(of) => match self.value(of)? {
                Value::Int(value) => Value::Int(value.checked_neg().ok_or("a number is out of range")?),
                Value::Float(value) => Value::Float(-value),
                _ => return Err("only a number has a sign"),
            },
            Part::Both(a, b) => Value::Bool(self.truth(a)? && self.truth(b)?),
            Part::Either(a, b) => Value::Bool(self.truth(a)? || self.truth(b)?),
            Part::Choice(test, yes, no) => match self.truth(test)? {
                true => self.value(yes)?,
                false => self.value(no)?,
            },
            Part::Compare(comparison, a, b) => Value::Bool(self.compare(*comparison, a, b)?),
            Part::Reckon(operation, a, b) => reckon(*operation, &self.value(a)?, &self.value(b)?)?,
            Part::Size(of) => self.size(of)?,
            Part::Type(of) => Value::Text(kind(&self.value(of)?)),
            Part::Has(of) => self.has(of)?,
            Part::Tests(test, of, what) => self.text_test(*test, of, what)?,
            Part::Matches(of, regex) => match self.value(of)? {
                Value::Text(text) => {
                    self.spend(text.len() / 8)?;
                    Value::Bool(regex.is_match(text.as_bytes()))
                }
                _ => return Err("matches() is for a text"),
            },
            Part::Quantified { all, over, name, test } => self.quantified(*all, over, name, test)?,
        })
    }

    fn named(&self, name: &str) -> Found<'a> {
        let inner = self.names.iter().rev().find(|(known, _)| *known == name);
        if let Some((_, value)) = inner {
            return Ok(value.clone());
        }
        Ok(match name {
            "msg" => Value::from(self.message),
            "signer" => self.signer.map_or(Value::Null, Value::Text),
            "bytes" => Value::Int(self.bytes),
            _ => return Err("there is no such name"),
        })
    }

    fn index(&mut self, of: &'a Part, index: &'a Part) -> Found<'a> {
        let (of, index) = (self.value(of)?, self.value(index)?);
        let missing = "an item is missing";
        match (&of, index) {
            (Value::List(list), Value::Int(at)) => {
                let item = usize::try_from(at).ok().and_then(|at| list.get(at));
                item.map(Value::from).ok_or(missing)
            }
            (Value::Map(_), Value::Text(name)) => field(&of, name)?.ok_or(missing),
            _ => Err("only lists and maps have items"),
        }
    }

    fn has(&mut self, of: &'a Part) -> Found<'a> {
        let Part::Field(of, name) = of else {
            return Err("has() takes a field");
        };
        let of = self.value(of)?;
        Ok(Value::Bool(field(&of, name)?.is_some()))
    }

    fn size(&mut self, of: &'a Part) -> Found<'a> {
        let size = match self.value(of)? {
            Value::Text(text) => {
                self.spend(text.len() / 32)?;
                text.chars().count()
            }
            Value::List(list) => list.len(),
            Value::Items(items) => items.len(),
            Value::Map(map) => map.len(),
            _ => return Err("size() is for texts, lists and maps"),
        };
        Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
    }

    fn text_test(&mut self, test: TextTest, of: &'a Part, what: &'a Part) -> Found<'a> {
        let (Value::Text(text), Value::Text(what)) = (self.value(of)?, self.value(what)?) else {
            return Err("this is for texts");
        };
        self.spend((text.len() + what.len()) / 32)?;
        Ok(Value::Bool(match test {
            TextTest::StartsWith => text.starts_with(what),
            TextTest::EndsWith => text.ends_with(what),
            TextTest::Contains => text.contains(what),
        }))
    }

    fn quantified(&mut self, all: bool, over: &'a Part, name: &'a str, test: &'a Part) -> Found<'a> {
        let items: Vec<Value<'a>> = match self.value(over)? {
            Value::List(list) => list.iter().map(Value::from).collect(),
            Value::Items(items) => items,
            Value::Map(map) => map.keys().map(|key| Value::Text(key)).collect(),
            _ => return Err("all() and exists() are for lists and maps"),
        };
        self.spend(items.len())?;
        for item in items {
            self.names.push((name, item));
            let truth = self.truth(test);
            self.names.pop();
            if truth? != all {
                return Ok(Value::Bool(!all));
            }
        }
        Ok(Value::Bool(all))
    }

    fn compare(&mut self, comparison: Comparison, a: &'a Part, b: &'a Part) -> Result<bool, &'static str> {
        let (a, b) = (self.value(a)?, self.value(b)?);
        let order = match comparison {
            Comparison::Equal => return self.equal(&a, &b),
            Comparison::Unequal => return Ok(!self.equal(&a, &b)?),
            Comparison::In => return self.is_in(&a, &b),
            _ => self.order(&a, &b)?.ok_or("these cannot be ordered")?,
        };
        Ok(match comparison {
            Comparison::Less => order == Ordering::Less,
            Comparison::LessOrEqual => order != Ordering::Greater,
            Comparison::Greater => order == Ordering::Greater,
            _ => order != Ordering::Less,
        })
    }

    fn order(&mut self, a: &Value<'a>, b: &Value<'a>) -> Result<Option<Ordering>, &'static str> {
        Ok(match (a, b) {
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Int(a), Value::Float(b)) => (*a as f64).partial_cmp(b),
            (Value::Float(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
            (Value::Text(a), Value::Text(b)) => {
                self.spend(a.len().min(b.len()) / 32)?;
                Some(a.cmp(b))
            }
            _ => None,
        })
    }

    fn equal(&mut self, a: &Value<'a>, b: &Value<'a>) -> Result<bool, &'static str> {
        Ok(match (a, b) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::List(_) | Value::Map(_) | Value::Items(_), _) => {
                return Err("lists and maps are not compared as a whole");
            }
            _ => self.order(a, b)? == Some(Ordering::Equal),
        })
    }

    fn is_in(&mut self, a: &Value<'a>, b: &Value<'a>) -> Result<bool, &'static str> {
        match (a, b) {
            (Value::Text(key), Value::Map(map)) => Ok(map.contains_key(*key)),
            (_, Value::List(list)) => {
                self.spend(list.len())?;
                for item in *list {
                    if self.equal(a, &Value::from(item))? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (_, Value::Items(items)) => {
                for item in items {
                    if self.equal(a, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Err("only lists and maps have something in them"),
        }
    }
}

fn field<'a>(of: &Value<'a>, name: &str) -> Result<Option<Value<'a>>, &'static str> {
    match of {
        Value::Map(map) => Ok(map.get(name).map(Value::from)),
        _ => Err("only maps have fields"),
    }
}

fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "double",
        Value::Text(_) => "string",
        Value::List(_) | Value::Items(_) => "list",
        Value::Map(_) => "map",
    }
}

fn reckon<'a>(operation: Operation, a: &Value<'a>, b: &Value<'a>) -> Found<'a> {
    if let (Value::Int(a), Value::Int(b)) = (a, b) {
        let result = match operation {
            Operation::Add => a.checked_add(*b),
            Operation::Subtract => a.checked_sub(*b),
            Operation::Multiply => a.checked_mul(*b),
            Operation::Divide => a.checked_div(*b),
            Operation::Remainder => a.checked_rem(*b),
        };
        return result.map(Value::Int).ok_or("a number is out of range");
    }
    let float = |value: &Value<'a>| match value {
        Value::Int(value) => Ok(*value as f64),
        Value::Float(value) => Ok(*value),
        _ => Err("only numbers are reckoned with"),
    };
    let (a, b) = (float(a)?, float(b)?);
    Ok(Value::Float(match operation {
        Operation::Add => a + b,
        Operation::Subtract => a - b,
        Operation::Multiply => a * b,
        Operation::Divide => a / b,
        Operation::Remainder => return Err("% is for whole numbers"),
    }))
}

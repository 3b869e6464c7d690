//! A small language of conditions over a message, after CEL (the Common Expression Language): no loops but over what is
//! there, no copies of texts, and a fixed number of steps.
//!
//! `msg` is the message as JSON, `signer` the pseudonym that signed it in hex or null, `bytes` its length. A field that is
//! missing, a wrong type or a number out of range refuses the message; `has(msg.a)` asks first. The program that knows
//! all of CEL was not taken, as it bounds neither steps nor patterns and orders maps by chance.

mod eval;
mod lex;
mod parse;

use super::{MAX_EXPRESSION, RulesError, json::Json};
use crate::api::Facts;
use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};
use regex::bytes::Regex;

/// Most parts of an expression.
const MAX_PARTS: usize = 512;
/// Deepest nesting.
const MAX_DEPTH: usize = 32;
/// Steps for one message: a comparison is one, a text one more for each 32 bytes looked at.
const STEPS: u32 = 20_000;

/// An expression that was checked.
#[derive(Clone, Debug)]
pub(super) struct Expression(Part);

/// One part of an expression.
#[derive(Clone, Debug)]
enum Part {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Part>),
    Name(String),
    Field(Box<Part>, String),
    Index(Box<Part>, Box<Part>),
    Not(Box<Part>),
    Minus(Box<Part>),
    Both(Box<Part>, Box<Part>),
    Either(Box<Part>, Box<Part>),
    Choice(Box<Part>, Box<Part>, Box<Part>),
    Compare(Comparison, Box<Part>, Box<Part>),
    Reckon(Operation, Box<Part>, Box<Part>),
    Size(Box<Part>),
    Type(Box<Part>),
    Has(Box<Part>),
    Tests(TextTest, Box<Part>, Box<Part>),
    Matches(Box<Part>, Regex),
    Quantified {
        all: bool,
        over: Box<Part>,
        name: String,
        test: Box<Part>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

impl Expression {
    /// Checks an expression.
    pub(super) fn compile(text: &str) -> Result<Self, RulesError> {
        if text.len() > MAX_EXPRESSION {
            return Err(RulesError::Expression {
                at: MAX_EXPRESSION,
                why: "it is too long".into(),
            });
        }
        parse::parse(&lex::tokens(text)?).map(Self)
    }

    /// Whether a message is accepted; else why not, in words.
    pub(super) fn accepts(&self, facts: Facts<'_>) -> Result<(), String> {
        let message = Json::read(facts.body).ok_or("it is not JSON, or too deep, too large or ambiguous")?;
        let signer = facts.signer.map(ToString::to_string);
        match eval::holds(&self.0, &message, signer.as_deref(), facts.body.len()) {
            Ok(true) => Ok(()),
            Ok(false) => Err("the expression says no".into()),
            Err(why) => Err(why.into()),
        }
    }
}

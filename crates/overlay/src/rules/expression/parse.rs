//! From words to an expression. Every part is counted, and nesting is bounded, so that neither this nor the evaluation
//! can use up the stack.

use super::{Comparison, MAX_DEPTH, MAX_PARTS, Operation, Part, TextTest, lex::Token};
use crate::rules::{RulesError, pattern};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    next: usize,
    parts: usize,
    depth: usize,
    /// Names that `all` and `exists` gave to items.
    names: Vec<String>,
}

const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];
const SUMS: [(&str, Operation); 2] = [("+", Operation::Add), ("-", Operation::Subtract)];
const PRODUCTS: [(&str, Operation); 3] = [
    ("*", Operation::Multiply),
    ("/", Operation::Divide),
    ("%", Operation::Remainder),
];

type Parsed = Result<Part, RulesError>;

pub(super) fn parse(tokens: &[(usize, Token)]) -> Parsed {
    let mut parser = Parser {
        tokens,
        next: 0,
        parts: 0,
        depth: 0,
        names: Vec::new(),
    };
    let part = parser.choice()?;
    match parser.tokens.get(parser.next) {
        Some(_) => Err(parser.error("the expression should end here")),
        None => Ok(part),
    }
}

impl Parser<'_> {
    fn error(&self, why: &str) -> RulesError {
        let at = self.tokens.get(self.next).or(self.tokens.last());
        RulesError::Expression {
            at: at.map_or(0, |(at, _)| *at),
            why: why.to_string(),
        }
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.next), Some((_, Token::Sign(s))) if *s == sign);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), RulesError> {
        if self.take(sign) {
            return Ok(());
        }
        Err(self.error(&format!("{sign:?} is missing")))
    }

    fn name(&mut self) -> Result<String, RulesError> {
        let Some((_, Token::Name(name))) = self.tokens.get(self.next) else {
            return Err(self.error("a name is missing"));
        };
        self.next += 1;
        Ok(name.clone())
    }

    fn count(&mut self, part: Part) -> Parsed {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(self.error("the expression has too many parts"));
        }
        Ok(part)
    }

    /// One level deeper.
    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("the expression is nested too deeply"));
        }
        let part = inner(self);
        self.depth -= 1;
        part
    }

    fn choice(&mut self) -> Parsed {
        self.nested(|p| {
            let test = p.either()?;
            if !p.take("?") {
                return Ok(test);
            }
            let yes = p.choice()?;
            p.expect(":")?;
            let no = p.choice()?;
            p.count(Part::Choice(Box::new(test), Box::new(yes), Box::new(no)))
        })
    }

    /// `a op b op c …`, the earlier ones first. Long chains are as deep as they are long.
    fn chain(
        &mut self,
        mut part: Part,
        mut next: impl FnMut(&mut Self, Part) -> Result<Result<Part, Part>, RulesError>,
    ) -> Parsed {
        for _ in 0..MAX_DEPTH {
            match next(self, part)? {
                Ok(longer) => part = self.count(longer)?,
                Err(whole) => return Ok(whole),
            }
        }
        Err(self.error("this goes on for too long; use brackets"))
    }

    fn either(&mut self) -> Parsed {
        let first = self.both()?;
        self.chain(first, |p, left| match p.take("||") {
            true => Ok(Ok(Part::Either(Box::new(left), Box::new(p.both()?)))),
            false => Ok(Err(left)),
        })
    }

    fn both(&mut self) -> Parsed {
        let first = self.comparison()?;
        self.chain(first, |p, left| match p.take("&&") {
            true => Ok(Ok(Part::Both(Box::new(left), Box::new(p.comparison()?)))),
            false => Ok(Err(left)),
        })
    }

    fn comparison(&mut self) -> Parsed {
        let left = self.sum()?;
        let found = COMPARISONS
            .iter()
            .find(|(sign, _)| self.take(sign))
            .map(|(_, comparison)| *comparison);
        let is_in = matches!(self.tokens.get(self.next), Some((_, Token::Name(name))) if name == "in");
        let comparison = match found {
            Some(comparison) => comparison,
            None if is_in => {
                self.next += 1;
                Comparison::In
            }
            None => return Ok(left),
        };
        let right = self.sum()?;
        self.count(Part::Compare(comparison, Box::new(left), Box::new(right)))
    }

    fn sum(&mut self) -> Parsed {
        let first = self.product()?;
        self.chain(first, |p, left| match SUMS.iter().find(|(sign, _)| p.take(sign)) {
            Some((_, operation)) => Ok(Ok(Part::Reckon(*operation, Box::new(left), Box::new(p.product()?)))),
            None => Ok(Err(left)),
        })
    }

    fn product(&mut self) -> Parsed {
        let first = self.unary()?;
        self.chain(first, |p, left| match PRODUCTS.iter().find(|(sign, _)| p.take(sign)) {
            Some((_, operation)) => Ok(Ok(Part::Reckon(*operation, Box::new(left), Box::new(p.unary()?)))),
            None => Ok(Err(left)),
        })
    }

    fn unary(&mut self) -> Parsed {
        if self.take("!") {
            let inner = self.nested(Self::unary)?;
            return self.count(Part::Not(Box::new(inner)));
        }
        if self.take("-") {
            let inner = self.nested(Self::unary)?;
            return self.count(Part::Minus(Box::new(inner)));
        }
        let first = self.primary()?;
        self.chain(first, |p, of| {
            if p.take("[") {
                let index = p.choice()?;
                p.expect("]")?;
                return Ok(Ok(Part::Index(Box::new(of), Box::new(index))));
            }
            if !p.take(".") {
                return Ok(Err(of));
            }
            let name = p.name()?;
            if p.take("(") {
                return p.method(of, &name).map(Ok);
            }
            Ok(Ok(Part::Field(Box::new(of), name)))
        })
    }

    fn primary(&mut self) -> Parsed {
        let Some((_, token)) = self.tokens.get(self.next) else {
            return Err(self.error("the expression ends too early"));
        };
        self.next += 1;
        let part = match token {
            Token::Int(number) => Part::Int(*number),
            Token::Float(number) => Part::Float(*number),
            Token::Text(text) => Part::Text(text.clone()),
            Token::Sign("(") => {
                let inner = self.choice()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Sign("[") => Part::List(self.items("]")?),
            Token::Name(name) => return self.named(name),
            Token::Sign(_) => {
                self.next -= 1;
                return Err(self.error("a value is missing"));
            }
        };
        self.count(part)
    }

    fn named(&mut self, name: &str) -> Parsed {
        let part = match name {
            "true" => Part::Bool(true),
            "false" => Part::Bool(false),
            "null" => Part::Null,
            _ if self.take("(") => return self.function(name),
            "msg" | "signer" | "bytes" => Part::Name(name.to_string()),
            _ if self.names.iter().any(|known| known == name) => Part::Name(name.to_string()),
            _ => {
                self.next -= 1;
                return Err(self.error(&format!("there is no {name}; there are msg, signer and bytes")));
            }
        };
        self.count(part)
    }

    /// Items up to a closing sign.
    fn items(&mut self, end: &str) -> Result<Vec<Part>, RulesError> {
        let mut items = Vec::new();
        while !self.take(end) {
            if !items.is_empty() {
                self.expect(",")?;
            }
            items.push(self.choice()?);
        }
        Ok(items)
    }

    fn function(&mut self, name: &str) -> Parsed {
        let of = Box::new(self.choice()?);
        self.expect(")")?;
        let part = match name {
            "size" => Part::Size(of),
            "type" => Part::Type(of),
            "has" if matches!(*of, Part::Field(..)) => Part::Has(of),
            "has" => return Err(self.error("has() takes a field, as in has(msg.text)")),
            _ => return Err(self.error(&format!("there is no {name}(); there are size, type and has"))),
        };
        self.count(part)
    }

    fn method(&mut self, of: Part, name: &str) -> Parsed {
        let of = Box::new(of);
        let test = match name {
            "startsWith" => TextTest::StartsWith,
            "endsWith" => TextTest::EndsWith,
            "contains" => TextTest::Contains,
            "size" => {
                self.expect(")")?;
                return Ok(Part::Size(of));
            }
            "matches" => return self.matches(of),
            "all" | "exists" => return self.quantified(of, name == "all"),
            _ => {
                let there_are = "startsWith, endsWith, contains, matches, size, all and exists";
                return Err(self.error(&format!("there is no .{name}(); there are {there_are}")));
            }
        };
        let what = self.choice()?;
        self.expect(")")?;
        Ok(Part::Tests(test, of, Box::new(what)))
    }

    /// A pattern is compiled now, so it must be written out.
    fn matches(&mut self, of: Box<Part>) -> Parsed {
        let Some((_, Token::Text(text))) = self.tokens.get(self.next) else {
            return Err(self.error("matches() takes a pattern in quotes"));
        };
        self.next += 1;
        let regex = pattern(text)?;
        self.expect(")")?;
        Ok(Part::Matches(of, regex))
    }

    fn quantified(&mut self, over: Box<Part>, all: bool) -> Parsed {
        let name = self.name()?;
        self.expect(",")?;
        self.names.push(name.clone());
        let test = self.choice();
        self.names.pop();
        let test = Box::new(test?);
        self.expect(")")?;
        Ok(Part::Quantified { all, over, name, test })
    }
}

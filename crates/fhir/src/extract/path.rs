//! The part of FHIRPath that SearchParameter expressions use, as lists of steps.

/// One step from a value to those below it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// The child element of that name.
    Element(String),
    /// `.ofType(T)`, `.as(T)`, `as T`.
    OfType(String),
    /// `.where(name='value')`.
    Member { name: String, value: String },
    /// `.where(resolve() is T)`.
    Resolves(String),
    /// `[0]`.
    First,
}

/// What an expression asks of the values at the end of its path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// The values themselves.
    Values,
    /// Whether there is any (`exists()`), other than `false` where so stated, or the contrary (`not()`).
    Truth { unless_false: bool, negated: bool },
}

/// One part of a union, from the root of the resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path {
    pub steps: Vec<Step>,
    pub ask: Ask,
}

/// Reads an expression; an error says what was not understood and where.
pub fn parse(expression: &str) -> Result<Vec<Path>, String> {
    let mut reader = Reader { rest: expression };
    let paths = reader.union()?;
    reader.skip_space();
    if reader.rest.is_empty() { Ok(paths) } else { Err(format!("at '{}'", reader.rest)) }
}

struct Reader<'e> {
    rest: &'e str,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A word operator: followed by something that is no letter.
    fn eat_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let boundary = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
        self.rest.strip_prefix(word).is_some_and(boundary) && self.eat(word)
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) { Ok(()) } else { Err(format!("'{token}' is missing before '{}'", self.rest)) }
    }

    fn name(&mut self) -> Result<String, String> {
        self.skip_space();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        if end == 0 {
            return Err(format!("a name is missing at '{}'", self.rest));
        }
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(name.to_owned())
    }

    fn quoted(&mut self) -> Result<String, String> {
        self.expect("'")?;
        let end = self.rest.find('\'').ok_or("a quote is not closed")?;
        let text = self.rest[..end].to_owned();
        self.rest = &self.rest[end + 1..];
        Ok(text)
    }

    fn union(&mut self) -> Result<Vec<Path>, String> {
        let mut paths = self.conjunction()?;
        while self.eat("|") {
            paths.extend(self.conjunction()?);
        }
        Ok(paths)
    }

    /// `P`, or `P.exists() and P != false`.
    fn conjunction(&mut self) -> Result<Vec<Path>, String> {
        let mut paths = self.postfix()?;
        while self.eat_word("and") {
            let others = self.postfix()?;
            self.expect("!=")?;
            if !self.eat_word("false") {
                return Err(format!("only '!= false' is understood, at '{}'", self.rest));
            }
            let same =
                paths.len() == others.len() && paths.iter().zip(&others).all(|(a, b)| a.steps == b.steps);
            if !same {
                return Err("'and' joins different paths".into());
            }
            for path in &mut paths {
                let Ask::Truth { unless_false, .. } = &mut path.ask else {
                    return Err("'and' follows no exists()".into());
                };
                *unless_false = true;
            }
        }
        Ok(paths)
    }

    fn postfix(&mut self) -> Result<Vec<Path>, String> {
        let mut paths = if self.eat("(") {
            let paths = self.union()?;
            self.expect(")")?;
            paths
        } else {
            vec![Path { steps: vec![Step::Element(self.name()?)], ask: Ask::Values }]
        };
        loop {
            if self.eat_word("as") {
                let kind = self.name()?;
                push(&mut paths, Step::OfType(kind));
            } else if self.eat("[") {
                self.expect("0")?;
                self.expect("]")?;
                push(&mut paths, Step::First);
            } else if self.eat(".") {
                let name = self.name()?;
                self.member(&mut paths, name)?;
            } else {
                return Ok(paths);
            }
        }
    }

    fn member(&mut self, paths: &mut [Path], name: String) -> Result<(), String> {
        if !self.eat("(") {
            push(paths, Step::Element(name));
            return Ok(());
        }
        match name.as_str() {
            "ofType" | "as" => {
                let kind = self.name()?;
                push(paths, Step::OfType(kind));
            }
            "where" => {
                let step = self.condition()?;
                push(paths, step);
            }
            "extension" => {
                let url = self.quoted()?;
                push(paths, Step::Element("extension".into()));
                push(paths, Step::Member { name: "url".into(), value: url });
            }
            "exists" => paths.iter_mut().for_each(|path| {
                path.ask = Ask::Truth { unless_false: false, negated: false };
            }),
            "not" => paths.iter_mut().for_each(|path| {
                path.ask = match path.ask {
                    Ask::Values => Ask::Truth { unless_false: true, negated: true },
                    Ask::Truth { unless_false, negated } => Ask::Truth { unless_false, negated: !negated },
                };
            }),
            // A reference is indexed by where it leads.
            "resolve" => {}
            _ => return Err(format!("the function '{name}' is not understood")),
        }
        self.expect(")")
    }

    fn condition(&mut self) -> Result<Step, String> {
        let name = self.name()?;
        if name == "resolve" {
            self.expect("(")?;
            self.expect(")")?;
            if !self.eat_word("is") {
                return Err(format!("'is' is missing at '{}'", self.rest));
            }
            return Ok(Step::Resolves(self.name()?));
        }
        self.expect("=")?;
        Ok(Step::Member { name, value: self.quoted()? })
    }
}

fn push(paths: &mut [Path], step: Step) {
    for path in paths {
        path.steps.push(step.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expression: &str, expected: &str) {
        let print = |path: &Path| format!("{:?} {:?}", path.steps, path.ask);
        let printed = match parse(expression) {
            Ok(paths) => paths.iter().map(print).collect::<Vec<_>>().join("\n"),
            Err(error) => error,
        };
        let plain = printed.replace("Element(", "").replace("\")", "\"");
        assert_eq!(plain, expected);
    }

    #[test]
    fn reads_what_search_parameters_use() {
        check("Patient.name.family", r#"["Patient", "name", "family"] Values"#);
        check(
            "(A.b as Quantity) | A.c.ofType(Period)",
            "[\"A\", \"b\", OfType(\"Quantity\"] Values\n[\"A\", \"c\", OfType(\"Period\"] Values",
        );
        check(
            "(A.b.ofType(T) | A.c).text",
            "[\"A\", \"b\", OfType(\"T\", \"text\"] Values\n[\"A\", \"c\", \"text\"] Values",
        );
        check("A.b.where(resolve() is Patient)", r#"["A", "b", Resolves("Patient"] Values"#);
        check("A.b[0].resource", r#"["A", "b", First, "resource"] Values"#);
        check("A.x.exists() and A.x != false", r#"["A", "x"] Truth { unless_false: true, negated: false }"#);
    }

    #[test]
    fn says_what_it_does_not_read() {
        check("A.b.count()", "the function 'count' is not understood");
        check("A.b[1]", "'0' is missing before '1]'");
        check("A.b +", "at '+'");
    }
}

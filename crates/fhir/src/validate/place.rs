//! Where in a resource the walk is: a chain on the stack, printed only when something is wrong.

use crate::definitions::Element;
use std::fmt;

/// One step of a path.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    name: &'p str,
    /// The type of a choice: `value.ofType(Quantity)`.
    choice: Option<&'static str>,
    index: Option<usize>,
}

impl<'p> Place<'p> {
    /// The resource itself, by its type.
    pub(super) fn root(name: &'p str) -> Place<'p> {
        Place { parent: None, name, choice: None, index: None }
    }

    /// A member that is known by its name alone.
    pub(super) fn child(&'p self, name: &'p str) -> Place<'p> {
        Place { parent: Some(self), name, choice: None, index: None }
    }

    /// An element.
    pub(super) fn element(&'p self, element: &Element) -> Place<'p> {
        let choice = element.is_choice().then_some(element.type_name);
        Place { parent: Some(self), name: element.path_name(), choice, index: None }
    }

    /// The item of a repeating element.
    pub(super) fn at(self, index: usize) -> Place<'p> {
        Place { index: Some(index), ..self }
    }
}

/// `Patient.name[0].family`, `Observation.value.ofType(Quantity).unit`
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)?;
        if let Some(choice) = self.choice {
            write!(f, ".ofType({choice})")?;
        }
        match self.index {
            Some(index) => write!(f, "[{index}]"),
            None => Ok(()),
        }
    }
}

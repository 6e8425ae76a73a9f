//! What every engine must keep, as tests that any engine can be handed to.

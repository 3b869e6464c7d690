mod buddies;
mod certificates;
mod chain;
mod collect;
mod merit;
mod names;
mod popularity;
mod votes;

mod buddies;
mod certificates;
mod chain;
mod collect;
mod merit;
mod popularity;
mod votes;

mod merit;
mod popularity;
mod votes;

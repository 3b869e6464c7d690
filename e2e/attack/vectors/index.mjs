// All vectors that are pages, in the order of their numbers.
import frames from "./frames.mjs";
import hints from "./hints.mjs";
import links from "./links.mjs";
import navigation from "./navigation.mjs";
import requests from "./requests.mjs";
import responses from "./responses.mjs";
import widgets from "./widgets.mjs";

export const vectors = [...requests, ...hints, ...frames, ...links, ...navigation, ...responses, ...widgets].sort((a, b) => (a.id < b.id ? -1 : 1));

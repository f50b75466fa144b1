// Draws the page of the open API's document.
"use strict";

const place = document.getElementById("docs");
window.SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  // No validator of another site is asked.
  validatorUrl: null,
});

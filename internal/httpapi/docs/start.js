// Shows the description that lies beside this page. Addresses are relative: the
// server may stand behind a path of a proxy.
SwaggerUIBundle({
  url: "openapi.yaml",
  dom_id: "#description",
  deepLinking: true, // an operation has an address
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: "none", // else it would show the description to somebody else
});

// Package api holds the description of Dunwell's API: OpenAPI 3.1, the contract
// as this version serves it. The server serves the document itself; its tests
// hold every route and every response against it.
package api

import _ "embed"

// Document is openapi.yaml.
//
//go:embed openapi.yaml
var Document []byte

package httpapi

import (
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/dunwellhq/dunwell/internal/fault"
)

// The largest bodies, in bytes.
const (
	maxBody   = 1 << 20
	maxIngest = 16 << 20
)

const (
	jsonType       = "application/json"
	mergePatchType = "application/merge-patch+json"
	ndjsonType     = "application/x-ndjson"
)

// body reads the request's body, which must be of one of the types, and
// returns its type.
func (c *call) body(most int64, types ...string) ([]byte, string, error) {
	kind, err := c.contentType(types)
	if err != nil {
		return nil, "", err
	}
	raw, err := c.read(most)
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, "", &problem{
			status: http.StatusRequestEntityTooLarge, code: "BAD_REQUEST",
			message: "the body is larger than " + size(tooLarge.Limit) + ", split it",
		}
	}
	switch {
	case fault.As(err) != nil:
		return nil, "", err
	case err != nil:
		return nil, "", fault.New(fault.Unreadable, "the body could not be read to its end, send it again")
	case len(raw) == 0:
		return nil, "", fault.New(fault.Unreadable, "the request needs a body of type %s", types[0])
	case kind == "":
		return nil, "", otherType(types)
	}
	return raw, kind, nil
}

// contentType is the one of the body, "" if the request names none.
func (c *call) contentType(types []string) (string, error) {
	header := c.Header.Get("Content-Type")
	if header == "" {
		return "", nil
	}
	kind, params, err := mime.ParseMediaType(header)
	charset := strings.ToLower(params["charset"])
	if err != nil || !slices.Contains(types, kind) || (charset != "" && charset != "utf-8") {
		return "", otherType(types)
	}
	return kind, nil
}

func otherType(types []string) error {
	return &problem{
		status: http.StatusUnsupportedMediaType, code: "UNSUPPORTED_MEDIA_TYPE",
		message: "the body must have the Content-Type " + strings.Join(types, " or ") + ", in UTF-8",
	}
}

func size(bytes int64) string {
	if bytes == maxIngest {
		return "16 MiB"
	}
	return "1 MiB"
}

// document reads the body as one JSON document.
func (c *call) document(types ...string) (*tree, error) {
	raw, _, err := c.body(maxBody, append([]string{jsonType}, types...)...)
	if err != nil {
		return nil, err
	}
	return parse(raw)
}

// optionalDocument reads a body that is not needed: without one it is an empty
// object, whatever type is named.
func (c *call) optionalDocument() (*tree, error) {
	if raw, err := c.read(maxBody); err == nil && len(raw) == 0 {
		return parse([]byte("{}"))
	}
	return c.document()
}

// named returns a part of the path that names a resource. What can be no name
// names nothing.
func (c *call) named(part, objectType string) (string, error) {
	name := c.PathValue(part)
	if shortLine.check(name) != "" || !validText(name) {
		return "", fault.New(fault.NotFound, "there is no such resource on this platform").About(objectType, "")
	}
	return name, nil
}

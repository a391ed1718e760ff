package httpapi

import (
	"errors"
	"io"
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
	var kind string
	if header := c.Header.Get("Content-Type"); header != "" {
		parsed, params, err := mime.ParseMediaType(header)
		charset := strings.ToLower(params["charset"])
		if err != nil || !slices.Contains(types, parsed) || (charset != "" && charset != "utf-8") {
			return nil, "", otherType(types)
		}
		kind = parsed
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.w, c.Request.Body, most))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, "", &problem{
			status: http.StatusRequestEntityTooLarge, code: "BAD_REQUEST",
			message: "the body is larger than " + size(tooLarge.Limit) + ", split it",
		}
	}
	switch {
	case err != nil:
		return nil, "", fault.New(fault.Unreadable, "the body could not be read to its end, send it again")
	case len(raw) == 0:
		return nil, "", fault.New(fault.Unreadable, "the request needs a body of type %s", types[0])
	case kind == "":
		return nil, "", otherType(types)
	}
	return raw, kind, nil
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

// named returns a part of the path that names a resource. What can be no name
// names nothing.
func (c *call) named(part, objectType string) (string, error) {
	name := c.PathValue(part)
	if shortLine.check(name) != "" || !validText(name) {
		return "", fault.New(fault.NotFound, "there is no such resource on this platform").About(objectType, "")
	}
	return name, nil
}

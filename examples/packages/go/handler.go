package function

import (
	"encoding/json"
	"net/http"

	"github.com/google/uuid"
)

// Handle names the place of this project among all URLs.
func Handle(w http.ResponseWriter, r *http.Request) {
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte("skep"))
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"message": "skep is " + id.String()})
}

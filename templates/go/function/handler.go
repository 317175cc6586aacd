package function

import (
	"encoding/json"
	"io"
	"net/http"
)

type greeting struct {
	Message  string `json:"message"`
	Method   string `json:"method"`
	Received string `json:"received"`
}

// Handle answers one request; many run at once.
func Handle(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "the body broke off", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(greeting{"Hello from Go", r.Method, string(body)})
}

package function

import (
	"net/http/httptest"
	"testing"
)

func TestNamesWithAPackageOfTheLockFile(t *testing.T) {
	answer := httptest.NewRecorder()
	Handle(answer, httptest.NewRequest("GET", "/", nil))
	expected := `{"message":"skep is 00ad0041-dacf-5723-8d72-a59d03885a31"}` + "\n"
	if answer.Body.String() != expected {
		t.Errorf("%s instead of %s", answer.Body, expected)
	}
}

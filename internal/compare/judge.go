package compare

// Judge fills Rankings, Answer and Warnings from what was measured.
func (r *Result) Judge() {
}

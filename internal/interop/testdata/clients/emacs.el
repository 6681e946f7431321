;;; A client made with xml-rpc.el.  -*- lexical-binding: t -*-

(package-initialize)
(require 'xml-rpc)

(setq locale-coding-system 'utf-8) ; that of what is printed
(defvar url (pop command-line-args-left))

(defun line (name outcome text most)
  "Print a case and its outcome on one line, of TEXT at most MOST characters."
  (let ((flat (replace-regexp-in-string "[[:space:]]" " " text)))
    (princ (format "%s\t%s\t%s\n" name outcome (truncate-string-to-width flat most)))))

(defun same (a b)
  "Whether A and B are the same value; a time has more than one form."
  (if (and (xml-rpc-value-datetimep a) (xml-rpc-value-datetimep b))
      (time-equal-p (cadr a) (cadr b))
    (equal a b)))

(defun sorted (v)
  "V with the members of a struct in the order of their names."
  (if (and (consp v) (xml-rpc-value-structp v))
      (sort (copy-sequence v) (lambda (a b) (string< (car a) (car b))))
    v))

(defun call (name want method &rest args)
  (condition-case err
      (let ((answer (apply #'xml-rpc-method-call url method args)))
        (if (same (sorted answer) (sorted want))
            (princ (format "%s\tok\n" name))
          (line name "got" (format "%S" answer) 80)))
    (error (line name "error" (error-message-string err) 120))))

(defun check (name value)
  "Send VALUE and take it back."
  (call name value 'see name value))

(defun fault ()
  (condition-case err
      (line "fault" "got" (format "%S" (xml-rpc-method-call url 'refuse "please")) 80)
    (error
     (if (and (equal xml-rpc-fault-code 42)
              (equal xml-rpc-fault-string "no <luck> & more"))
         (princ "fault\tok\n")
       (line "fault" "error" (error-message-string err) 120)))))

(check "int-max" 2147483647)
(check "int-min" -2147483648)
(check "i8" 1099511627776)
(check "double" 1e300)
(check "fraction" 0.1)
(check "unicode" "Grüße <b>&amp;</b> \"x\" 'y' ]]> 世界 🌍")
(check "spaces" " two  spaces, line\nand\ttab ")
(check "empty" "")
(check "true" t)
(check "false" nil)
(check "nil" nil) ; it is the same as false
(check "date" (list :datetime (encode-time '(6 45 13 29 2 2024 nil -1 nil))))
(check "binary" (list :base64 (apply #'unibyte-string
                                     (mapcar (lambda (i) (% i 256)) (number-sequence 0 299)))))
(check "nested" '(("list" . (1 (2 "three") (("four" . 4.5))))
                  ("none" . []) ; a list without elements would be false
                  ("empty" . nil)))
(call "none" "nothing" 'nothing)
(fault)

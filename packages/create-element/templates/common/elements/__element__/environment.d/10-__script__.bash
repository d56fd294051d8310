export DIB_{{VARIABLE}}_TEXT=${DIB_{{VARIABLE}}_TEXT:-Hello from {{element}}}
